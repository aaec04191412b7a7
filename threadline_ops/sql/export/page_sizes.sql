-- The keys of a page that holds large values, and about the size of their text, so that it can be read in
-- pieces that fit in memory. Text is at most about twice as long as jsonb that is not compressed.
select
    c.id::text,
    case
        when
            pg_column_size(c.data_after) < 8000 and pg_column_compression(c.data_after) is null
            then 2 * pg_column_size(c.data_after)
        else coalesce(octet_length(c.data_after::text), 0)
    end
    + case
        when
            pg_column_size(c.changed_from) < 8000 and pg_column_compression(c.changed_from) is null
            then 2 * pg_column_size(c.changed_from)
        else coalesce(octet_length(c.changed_from::text), 0)
    end
from {audit}.audit_changes as c
left join {audit}.audit_transactions as t on t.id = c.transaction_id
left join {audit}.audit_actions as a on a.id = t.action_id
where {export/where/matching}
    and {export/where/seen}
    and c.captured_at >= %(after_time)s::timestamptz
    and (c.captured_at, c.id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
    and c.captured_at <= %(last_time)s::timestamptz
order by c.captured_at, c.id
limit %(page_rows)s
