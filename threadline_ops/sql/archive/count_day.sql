-- What the reading transaction's snapshot sees of the day, so that a reader that lost a row is found out at once.
select count(*)
from {audit}.audit_changes as c
where c.captured_at >= %(from)s::timestamptz and c.captured_at < %(until)s::timestamptz
