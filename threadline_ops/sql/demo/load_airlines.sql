-- The application's state before it is audited: brownfield rows, of which no history exists.
insert into {app}.airlines (carrier, name)
select r.carrier, r.name
from jsonb_to_recordset(%(rows)s) as r (carrier text, name text)
