-- The least that waits for what a writer's commit waits for: a WAL record, and its flush, which takes along all WAL
-- before it. It touches no table.
select pg_logical_emit_message(true, 'threadline_ops', '')
