-- A uuid key. A destination or tail number is no reference: the data has some that its own lists lack.
-- Room on every page keeps the two or three updates of a flight on the page of its insert.
create table {app}.flights (
    id uuid primary key,
    carrier text not null references {app}.airlines,
    number integer not null,
    origin text not null references {app}.airports,
    destination text not null,
    tail_number text,
    scheduled_departure timestamptz not null,
    scheduled_arrival_local integer not null,
    status text not null check (status in ('scheduled', 'departed', 'arrived', 'diverted', 'cancelled')),
    departed_at timestamptz,
    departure_delay integer,
    arrival_local integer,
    arrival_delay integer,
    air_minutes integer,
    distance_miles integer not null
) with (fillfactor = 40)
