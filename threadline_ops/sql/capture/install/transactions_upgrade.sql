-- An install that predates actors lacks these; a column without a default rewrites nothing.
alter table {audit}.audit_transactions
    add column if not exists actor_ref jsonb,
    add column if not exists action_id uuid references {audit}.audit_actions (id) on delete set null
