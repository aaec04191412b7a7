-- One row per captured transaction; txid is what later writes of the same transaction find it by.
create table if not exists {audit}.audit_transactions (
    id uuid primary key default gen_random_uuid(),
    txid bigint not null unique,
    occurred_at timestamptz not null default now(),
    source text,
    meta jsonb,
    actor_ref jsonb,
    action_id uuid references {audit}.audit_actions (id) on delete set null
)
