-- What a run set out to drop, written before it detaches: a crash in between leaves a table that belongs to nothing,
-- and the next run must know that it was a partition, which one, and that its rows were to go.
create table if not exists {operations}.partition_drops (
    partition bigint primary key,
    table_schema text not null,
    table_name text not null,
    lower_bound text,
    upper_bound text not null,
    begun_by text not null default session_user,
    begun_at timestamptz not null default clock_timestamp()
)
