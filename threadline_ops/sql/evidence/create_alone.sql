-- IF NOT EXISTS alone does not keep two sessions from creating at once and one of them from failing.
select pg_advisory_xact_lock(hashtextextended('threadline_ops/evidence/create', 0))::text
