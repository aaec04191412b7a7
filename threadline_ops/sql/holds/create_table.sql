-- Who kept what, why and until when. Rows are released, never deleted: the table is its own history.
create table if not exists {operations}.holds (
    id bigint primary key generated always as identity,
    table_schema text,
    table_name text,
    table_pk jsonb,
    actor_ref jsonb,
    correlation_id text,
    from_time timestamptz,
    to_time timestamptz,
    reason text not null check (reason <> ''),
    until timestamptz,
    placed_by text not null,
    placed_at timestamptz not null default clock_timestamp(),
    released_at timestamptz,
    released_by text,
    release_reason text,
    check ((table_schema is null) = (table_name is null)),
    check (table_pk is null or table_name is not null),
    check (num_nonnulls(table_name, actor_ref, correlation_id, from_time, to_time) > 0),
    check (num_nonnulls(released_at, released_by, release_reason) in (0, 3))
)
