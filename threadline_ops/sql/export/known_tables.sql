-- Names of audited tables by hops along the index on table_name, so that a misspelt filter can be answered with
-- names that are near it.
with recursive known (name) as (
    (select table_name from {audit}.audit_changes order by table_name limit 1)
    union all
    select (
        select c.table_name from {audit}.audit_changes as c
        where c.table_name > known.name
        order by c.table_name
        limit 1
    )
    from known
    where known.name is not null
)
select name from known where name is not null limit 10000
