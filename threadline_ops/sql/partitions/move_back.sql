-- Brings what was written after the switch back into the old table, a batch at a time.
with moved as (
    delete from {audit}.{undone}
    where id in (select id from {audit}.{undone} limit 5000)
    returning *
)
insert into {audit}.audit_changes select * from moved
