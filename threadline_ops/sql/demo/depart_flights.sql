-- A flight that left.
update {app}.flights as f
set status = 'departed', departed_at = r.departed_at, departure_delay = r.departure_delay
from jsonb_to_recordset(%(rows)s) as r (id uuid, departed_at timestamptz, departure_delay integer)
where f.id = r.id
