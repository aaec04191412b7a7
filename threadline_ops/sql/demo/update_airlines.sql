-- The nightly figures.
update {app}.airlines as a
set flights_arrived = r.flights_arrived, mean_arrival_delay = r.mean_arrival_delay
from jsonb_to_recordset(%(rows)s) as r (carrier text, flights_arrived integer, mean_arrival_delay numeric)
where a.carrier = r.carrier
