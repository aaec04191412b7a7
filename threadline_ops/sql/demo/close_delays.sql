-- A delayed flight has arrived.
update {app}.delay_reports as d
set closed_at = r.closed_at, recovered_minutes = r.recovered_minutes
from jsonb_to_recordset(%(rows)s) as r (flight_id uuid, closed_at timestamptz, recovered_minutes integer)
where d.flight_id = r.flight_id
