-- A composite key, with a time in it.
create table {app}.weather (
    origin text not null references {app}.airports,
    time_hour timestamptz not null,
    temperature_f double precision,
    wind_mph double precision,
    precipitation_in double precision,
    visibility_miles double precision,
    primary key (origin, time_hour)
)
