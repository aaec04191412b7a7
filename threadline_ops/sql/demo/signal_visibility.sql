-- An airport enters or leaves low visibility procedures.
update {app}.airports as a
set low_visibility = r.low_visibility
from jsonb_to_recordset(%(rows)s) as r (faa text, low_visibility boolean)
where a.faa = r.faa
