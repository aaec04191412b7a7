-- As retention/turn.sql, first in every transaction that deletes; and room to sort a slice by its key without a file.
select
    set_config('row_security', 'off', true),
    set_config('synchronous_commit', 'off', true),
    set_config('work_mem', '32MB', true),
    pg_advisory_xact_lock_shared(hashtextextended(%(holds_key)s, 0))
