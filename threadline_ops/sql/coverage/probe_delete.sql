-- Where updates that change nothing are not captured, only a delete tells; like every probe, it is rolled back.
with one as (
    select o.tableoid, o.ctid from {schema}.{table} as o limit 1 for update skip locked
)
delete from {schema}.{table} as t
using one
where t.ctid = one.ctid and t.tableoid = one.tableoid
