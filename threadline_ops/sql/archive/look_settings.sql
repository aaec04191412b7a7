-- First in every transaction that looks at slices. Room to sort one by its key without a file; and with a policy in
-- force PostgreSQL raises instead of hiding rows.
select
    set_config('work_mem', '32MB', true),
    set_config('row_security', 'off', true)
