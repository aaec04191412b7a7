-- The bookings of a cancelled flight are paid back and forgotten.
delete from {app}.bookings as b
using jsonb_to_recordset(%(rows)s) as r (locator text)
where b.locator = r.locator
