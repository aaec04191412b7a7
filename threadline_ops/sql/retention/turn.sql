-- First in every transaction that deletes. With a policy in force, row_security = off makes PostgreSQL raise
-- instead of hiding rows. The shared lock lets whoever places a hold wait for batches that may not have seen it:
-- every later statement of this transaction has a snapshot that is newer than the lock. The commit does not wait for the
-- disk, so that writers do not wait for its flush: a crash of the server may undo the last steps, whole and in order,
-- until the run has settled them. And room to sort a slice by key, or to look up what belongs to a range, without a file.
select
    set_config('row_security', 'off', true),
    set_config('synchronous_commit', 'off', true),
    set_config('work_mem', '32MB', true),
    pg_advisory_xact_lock_shared(hashtextextended(%(holds_key)s, 0))
