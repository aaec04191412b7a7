-- Redacted columns that show: an excluded one that is there at all, a masked one that is not its placeholder.
-- Counts only; a value is looked at on the server and never leaves it.
select r.table_schema, r.table_name, r.column_name, count(*)
from (select null::jsonb as changed_from) as absent
cross join lateral (
    -- An old install has no changed_from: the bare name then means the null beside the table.
    select n.table_schema, n.table_name, n.data_after, n.changed_fields, changed_from
    from {audit}.audit_changes as n
    order by n.captured_at desc
    limit %(scan_rows)s
) as c
join unnest(
    %(schemas)s::text[], %(tables)s::text[], %(columns)s::text[], %(placeholders)s::text[]
) as r (table_schema, table_name, column_name, placeholder)
    on r.table_schema = c.table_schema and r.table_name = c.table_name
where
    -- No placeholder means an excluded column.
    (c.data_after ? r.column_name and c.data_after ->> r.column_name is distinct from r.placeholder)
    or (c.changed_from ? r.column_name and c.changed_from ->> r.column_name is distinct from r.placeholder)
    or (r.placeholder is null and (
        c.data_after ? r.column_name or c.changed_from ? r.column_name or r.column_name = any(c.changed_fields)
    ))
group by r.table_schema, r.table_name, r.column_name
order by 1, 2, 3
