-- The first mark after a day's end: the fewest transactions to wait for.
select below, at
from {operations}.archive_marks
where system_identifier = %(system_identifier)s and at >= %(day_end)s::timestamptz
order by at
limit 1
