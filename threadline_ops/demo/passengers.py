"""Bookings: invented, because the data has no passengers, and the reason why capture must redact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from threadline_ops.demo.dataset import Flight, Row
from threadline_ops.demo.traffic import operating_day, published_at
from threadline_ops.demo.transactions import Action, Actor, Transaction, Write

#: One flight in so many gets a booking: enough to see redaction at work, few enough to be quick.
FLIGHTS_PER_BOOKING = 20
#: One booking in so many is withdrawn by the passenger.
BOOKINGS_PER_WITHDRAWAL = 8
#: No booking is made later than this before departure, so none is made after the flight was cancelled.
CLOSING = timedelta(hours=3)

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NAMES = ("amelia", "bessie", "charles", "harriet", "igor", "jacqueline", "louis", "otto", "santos", "wilbur")


@dataclass(frozen=True)
class Bookings:
    """The transactions that passengers make, and what stands after them."""

    transactions: tuple[Transaction, ...]
    #: Locators that are not withdrawn, by flight.
    standing: dict[str, list[str]]


def bookings(flights: Sequence[Flight], chance: Random) -> Bookings:
    """Bookings between the publishing of a flight and shortly before its departure, each a transaction.

    Half of them come from customers who are logged in, with an action; the others are anonymous, without.
    """
    transactions: list[Transaction] = []
    standing: defaultdict[str, list[str]] = defaultdict(list)
    chosen = [flight for flight in flights if chance.randrange(FLIGHTS_PER_BOOKING) == 0]
    for index, flight in enumerate(chosen):
        row = _booking(index, flight, chance)
        locator = str(row["locator"])
        customer = Actor("user", f"customer-{index}") if chance.randrange(2) else Actor("anonymous")
        opened = published_at(operating_day(flight)) + timedelta(hours=1)
        closed = flight.scheduled_departure - CLOSING
        at = _between(opened, closed, chance)
        action = Action("booking.confirm", f"booking-{locator}") if customer.id else None
        transactions.append(Transaction(at, customer, (Write("book", "bookings", (row,)),), action))
        if chance.randrange(BOOKINGS_PER_WITHDRAWAL):
            standing[flight.id].append(locator)
            continue
        write = Write("refund_bookings", "bookings", ({"locator": locator},))
        action = Action("booking.withdraw", f"booking-{locator}", reason="withdrawn by the passenger")
        transactions.append(Transaction(_between(at, closed, chance), customer, (write,), action))
    return Bookings(tuple(transactions), dict(standing))


def _booking(index: int, flight: Flight, chance: Random) -> Row:
    name = chance.choice(_NAMES)
    return {
        "locator": _locator(index),
        "flight_id": flight.id,
        "passengers": chance.randint(1, 4),
        "email": f"{name}.{index}@passengers.example",
        "contact": {"name": name.title(), "phone": f"+1 555 01{chance.randrange(100):02}"},
        "payment_token": f"tok_{chance.getrandbits(64):016x}",
    }


def _locator(index: int) -> str:
    """Six letters that no other index has: the factor is prime, so multiplying by it only permutes them."""
    rest = (index * 104_395_301 + 1) % 26**6
    letters: list[str] = []
    for _ in range(6):
        rest, digit = divmod(rest, 26)
        letters.append(_LETTERS[digit])
    return "".join(letters)


def _between(start: datetime, end: datetime, chance: Random) -> datetime:
    return start + (end - start) * chance.random()
