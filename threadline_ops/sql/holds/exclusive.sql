-- Waits for the batches that began before the hold; every later one sees it.
select pg_advisory_xact_lock(hashtextextended(%(holds_key)s, 0))
