-- The oldest retained change of a table: nothing is known of it before.
select min(c.captured_at)
from {audit}.audit_changes as c
where c.table_name = %(table)s
    and (%(table_schema)s::text is null or c.table_schema = %(table_schema)s)
