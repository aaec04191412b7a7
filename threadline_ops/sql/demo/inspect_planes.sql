-- The day's inspections.
update {app}.planes as p
set inspected_on = r.inspected_on
from jsonb_to_recordset(%(rows)s) as r (tail_number text, inspected_on date)
where p.tail_number = r.tail_number
