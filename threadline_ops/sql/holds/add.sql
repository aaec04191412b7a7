-- The role that places it is the server's word, not the caller's.
insert into {operations}.holds (
    table_schema, table_name, table_pk, actor_ref, correlation_id, from_time, to_time, reason, until, placed_by
)
values (
    %(table_schema)s, %(table_name)s, %(table_pk)s, %(actor_ref)s, %(correlation_id)s,
    %(from_time)s, %(to_time)s, %(reason)s, %(until)s, coalesce(%(by)s || ' as ', '') || session_user
)
returning id
