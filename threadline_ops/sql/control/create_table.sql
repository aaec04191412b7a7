-- One row, read again while a purge works: what an operator changes here takes effect within a second.
create table if not exists {operations}.purge_control (
    only_row boolean primary key default true check (only_row),
    paused boolean not null default false,
    reason text,
    batch_size integer check (batch_size between 1 and 50000),
    full_speed boolean not null default false,
    changed_by text not null,
    changed_at timestamptz not null default clock_timestamp()
)
