-- A text key.
create table {app}.planes (
    tail_number text primary key,
    built integer,
    manufacturer text not null,
    model text not null,
    engines integer not null,
    seats integer not null,
    inspected_on date
)
