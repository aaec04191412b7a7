-- A passenger books.
insert into {app}.bookings (locator, flight_id, passengers, email, contact, payment_token)
select r.locator, r.flight_id, r.passengers, r.email, r.contact, r.payment_token
from jsonb_to_recordset(%(rows)s) as r (
    locator text, flight_id uuid, passengers integer, email text, contact jsonb, payment_token text
)
