-- The filters that all exports and the timeline share. One that is null vanishes when the statement is planned, and with
-- it the joins that only it needed: the same filters cost nothing where they are not used.
(%(table)s::text is null or c.table_name = %(table)s)
and (%(actor_ref)s::jsonb is null or t.actor_ref @> %(actor_ref)s::jsonb)
and (%(correlation_id)s::text is null or a.correlation_id = %(correlation_id)s)
and (%(from)s::timestamptz is null or c.captured_at >= %(from)s)
and (%(to)s::timestamptz is null or c.captured_at <= %(to)s)
