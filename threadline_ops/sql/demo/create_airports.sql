-- A text key.
create table {app}.airports (
    faa text primary key,
    name text not null,
    latitude double precision not null,
    longitude double precision not null,
    altitude_feet integer not null,
    time_zone text,
    low_visibility boolean not null default false
)
