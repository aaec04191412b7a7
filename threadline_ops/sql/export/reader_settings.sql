-- A page is a short walk along an index, and its transactions are probes by key; estimates for a whole table
-- must not tempt the planner into scanning it once a page. Text is UTF-8 whatever the database's encoding. Where a
-- policy would hide rows, row_security = off makes the server raise instead of exporting a part for the whole.
select
    set_config('row_security', 'off', true),
    set_config('client_encoding', 'UTF8', true),
    set_config('jit', 'off', true),
    set_config('idle_in_transaction_session_timeout', '0', true),
    set_config('max_parallel_workers_per_gather', '0', true),
    set_config('enable_hashjoin', %(broad)s::text, true),
    set_config('enable_mergejoin', %(broad)s::text, true),
    set_config('enable_seqscan', %(broad)s::text, true),
    set_config('enable_bitmapscan', %(broad)s::text, true)
