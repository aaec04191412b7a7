-- The server numbers the reports, in the order given.
insert into {app}.delay_reports (flight_id, reported_by, delay_minutes, remark)
select r.flight_id, r.reported_by, r.delay_minutes, r.remark
from jsonb_to_recordset(%(rows)s) as r (flight_id uuid, reported_by text, delay_minutes integer, remark text)
