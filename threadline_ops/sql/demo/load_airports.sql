-- The application's state before it is audited: brownfield rows, of which no history exists.
insert into {app}.airports (faa, name, latitude, longitude, altitude_feet, time_zone)
select r.faa, r.name, r.lat, r.lon, r.alt, r.tzone
from jsonb_to_recordset(%(rows)s) as r (
    faa text, name text, lat double precision, lon double precision, alt integer, tzone text
)
