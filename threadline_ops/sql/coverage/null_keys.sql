-- Keys of which every part is null name no row; that is what the default function records where there is no id.
select c.table_schema, c.table_name, count(*)
from (
    select n.table_schema, n.table_name, n.table_pk
    from {audit}.audit_changes as n
    order by n.captured_at desc
    limit %(scan_rows)s
) as c
where c.table_pk <> '{{}}' and jsonb_typeof(c.table_pk) = 'object'
    and not jsonb_path_exists(c.table_pk, '$.* ? (@ != null)')
group by c.table_schema, c.table_name
order by 1, 2
