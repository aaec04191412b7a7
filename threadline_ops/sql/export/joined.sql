-- A page that memory cannot hold as a whole: each row carries what belongs to its transaction, and needs nothing else.
select
    c.id, c.transaction_id, c.table_schema::text, c.table_name::text, c.op::text, c.captured_at, c.table_pk, c.data_after,
    c.changed_fields, c.changed_from, t.txid, t.occurred_at, t.actor_ref, t.source::text, t.meta, a.id as action_id,
    a.correlation_id::text, a.name::text, a.status::text, a.reason::text
{export/where/page}
