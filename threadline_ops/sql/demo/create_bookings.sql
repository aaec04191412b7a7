-- What must not reach the audit trail: a person's address and contact (masked), a payment token (excluded).
create table {app}.bookings (
    locator text primary key,
    flight_id uuid not null references {app}.flights,
    passengers integer not null check (passengers > 0),
    email text not null,
    contact jsonb not null,
    payment_token text not null
)
