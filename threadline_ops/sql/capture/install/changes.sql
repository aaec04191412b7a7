-- One row per captured row change. The check on op is part of the contract with every reader.
create table if not exists {audit}.audit_changes (
    id uuid primary key default gen_random_uuid(),
    transaction_id uuid not null references {audit}.audit_transactions (id) on delete cascade,
    table_schema text not null,
    table_name text not null,
    table_pk jsonb not null,
    op text not null check (op in ('insert', 'update', 'delete')),
    data_after jsonb,
    changed_fields text[],
    changed_from jsonb,
    captured_at timestamptz not null default now()
)
