-- A flight that never left.
update {app}.flights as f
set status = 'cancelled'
from jsonb_to_recordset(%(rows)s) as r (id uuid)
where f.id = r.id
