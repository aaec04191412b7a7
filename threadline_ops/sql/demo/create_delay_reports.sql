-- An integer key that the server gives out.
create table {app}.delay_reports (
    id integer generated always as identity primary key,
    flight_id uuid not null unique references {app}.flights,
    reported_by text not null,
    delay_minutes integer not null,
    remark text not null,
    closed_at timestamptz,
    recovered_minutes integer
)
