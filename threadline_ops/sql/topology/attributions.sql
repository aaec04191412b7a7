-- The probe's writes, those attributed to somebody else or to nobody, and how many backends served several clients.
with written as (
    select
        c.data_after ->> 'client' as client,
        split_part(c.data_after ->> 'client', '-', 1) as connection,
        (c.data_after ->> 'backend')::integer as backend,
        t.actor_ref ->> 'id' as actor
    from {audit}.audit_changes as c
    join {audit}.audit_transactions as t on t.id = c.transaction_id
    where c.table_name = 'probe'
), backends as (
    select backend, count(distinct connection) as clients from written group by backend
)
select
    (select count(*) from written),
    (select count(*) from written where actor is distinct from client),
    (select count(*) from backends),
    (select count(*) from backends where clients > 1)
