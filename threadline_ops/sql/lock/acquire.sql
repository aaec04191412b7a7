-- Of the transaction, not of the session: a pooler in transaction mode would hand a session's lock to strangers.
select pg_try_advisory_xact_lock(hashtextextended(%(key)s, 0))
