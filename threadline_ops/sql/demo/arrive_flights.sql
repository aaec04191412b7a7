-- A flight that arrived, or was diverted and landed elsewhere.
update {app}.flights as f
set
    status = r.status, arrival_local = r.arrival_local, arrival_delay = r.arrival_delay, air_minutes = r.air_minutes
from jsonb_to_recordset(%(rows)s) as r (
    id uuid, status text, arrival_local integer, arrival_delay integer, air_minutes integer
)
where f.id = r.id
