-- What the application says it did. Before the transactions, which refer to it.
create table if not exists {audit}.audit_actions (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    actor_ref jsonb not null,
    status text not null check (status in ('ok', 'error')),
    verb text,
    category text,
    reason text,
    comment text,
    correlation_id text,
    request_id text,
    job_id text,
    inserted_at timestamptz not null default now()
)
