-- A text key. The figures are kept by a nightly job, from the flights of the day.
create table {app}.airlines (
    carrier text primary key,
    name text not null,
    flights_arrived integer not null default 0,
    mean_arrival_delay numeric(6, 1)
)
