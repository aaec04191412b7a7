-- A page of changes alone; what belongs to their transactions is asked for once each (transactions.sql). Names are cast, so
-- that whatever type a host gave them, text arrives.
select
    c.id, c.transaction_id, c.table_schema::text, c.table_name::text, c.op::text, c.captured_at, c.table_pk, c.data_after,
    c.changed_fields, c.changed_from
{export/where/page}
