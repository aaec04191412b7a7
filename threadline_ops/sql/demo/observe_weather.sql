-- One hour at the three airports.
insert into {app}.weather (origin, time_hour, temperature_f, wind_mph, precipitation_in, visibility_miles)
select r.origin, r.time_hour, r.temperature_f, r.wind_mph, r.precipitation_in, r.visibility_miles
from jsonb_to_recordset(%(rows)s) as r (
    origin text, time_hour timestamptz, temperature_f double precision, wind_mph double precision,
    precipitation_in double precision, visibility_miles double precision
)
