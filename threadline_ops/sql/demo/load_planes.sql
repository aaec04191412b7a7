-- The application's state before it is audited: brownfield rows, of which no history exists.
insert into {app}.planes (tail_number, built, manufacturer, model, engines, seats)
select r.tailnum, r.year, r.manufacturer, r.model, r.engines, r.seats
from jsonb_to_recordset(%(rows)s) as r (
    tailnum text, year integer, manufacturer text, model text, engines integer, seats integer
)
