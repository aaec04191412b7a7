-- In the order they were placed; whether one is in force is the server's clock's to say.
select
    id, table_schema, table_name, table_pk, actor_ref, correlation_id, from_time, to_time, reason, until,
    placed_by, placed_at, released_at, released_by, release_reason,
    released_at is null and (until is null or until > now()) as in_force
from {operations}.holds
where %(all)s or released_at is null
order by id
