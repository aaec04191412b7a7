-- Touches one row that nobody has locked, changing nothing; ctid alone repeats over partitions.
with one as (
    select o.tableoid, o.ctid from {schema}.{table} as o limit 1 for update skip locked
)
update {schema}.{table} as t
set {column} = t.{column}
from one
where t.ctid = one.ctid and t.tableoid = one.tableoid
