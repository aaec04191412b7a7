-- Many flights a statement: the triggers still fire once for each row.
insert into {app}.flights (
    id, carrier, number, origin, destination, tail_number,
    scheduled_departure, scheduled_arrival_local, status, distance_miles
)
select
    r.id, r.carrier, r.number, r.origin, r.destination, r.tail_number,
    r.scheduled_departure, r.scheduled_arrival_local, 'scheduled', r.distance_miles
from jsonb_to_recordset(%(rows)s) as r (
    id uuid, carrier text, number integer, origin text, destination text, tail_number text,
    scheduled_departure timestamptz, scheduled_arrival_local integer, distance_miles integer
)
