-- What would go, by table and UTC day, and the size of its rows as stored (of the heap: indexes come on top).
select
    table_schema, table_name, to_char(captured_at at time zone 'UTC', 'YYYY-MM-DD'), count(*),
    sum(pg_column_size(c.*))::bigint
from {audit}.audit_changes as c
where captured_at < %(until)s::timestamptz and {expired} and {eligible}
group by 1, 2, 3
order by 1, 2, 3
