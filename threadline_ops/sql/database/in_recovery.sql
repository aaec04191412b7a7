-- A standby accepts no deletes, and archiving from a lagging one loses rows.
select pg_is_in_recovery()
