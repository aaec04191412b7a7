-- Checked inside the deleting statement, so that a hold placed while a run works wins. A hold matches when
-- everything it names matches; keys are compared as text, because capture writes numbers as text.
not exists (
    select from {operations}.holds as h
    where h.released_at is null
        and (h.until is null or h.until > now())
        and (h.table_name is null or (h.table_schema = c.table_schema and h.table_name = c.table_name))
        and (h.from_time is null or c.captured_at >= h.from_time)
        and (h.to_time is null or c.captured_at <= h.to_time)
        and (
            h.table_pk is null
            or not exists (
                select from jsonb_each_text(h.table_pk) as k
                where c.table_pk ->> k.key is distinct from k.value
            )
        )
        and (h.actor_ref is null and h.correlation_id is null or {transaction_held})
)
