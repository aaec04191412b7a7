"""Flights as the application learns of them: scheduled, delayed or cancelled, departed, arrived."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import TypeVar

from threadline_ops.demo.dataset import Flight, Row
from threadline_ops.demo.transactions import Action, Actor, Transaction, Write, chunks, floor, stamp

#: A feed sends what happened in a quarter of an hour: some 14 flights at a time.
FEED_WINDOW = timedelta(minutes=15)
#: A dispatcher deals with an airport's troubles of half an hour at once.
DESK_WINDOW = timedelta(minutes=30)
#: Small enough that a captured transaction covers little time once its history is spread out.
SCHEDULE_CHUNK = 40
#: From here on a dispatcher writes a report, minutes.
REPORTED_DELAY = 60

_SCHEDULER = Actor("job", "schedule-import")
_FEED = Actor("service_account", "acars-feed")
_REMARKS = ("late inbound aircraft", "crew rest", "ground stop at destination", "de-icing queue", "technical check")
_NEW_YORK = timedelta(hours=5)

Key = TypeVar("Key")


def operating_day(flight: Flight) -> date:
    """The day on which it is planned, by New York's winter clock."""
    return (flight.scheduled_departure - _NEW_YORK).date()


def published_at(day: date) -> datetime:
    """When a day's schedule is published: six in the morning (UTC) of the day before."""
    return datetime.combine(day, time(6), UTC) - timedelta(days=1)


def cancelled_at(flight: Flight) -> datetime:
    """When a flight that never left was given up, 2 to 2.5 hours ahead."""
    return floor(flight.scheduled_departure - timedelta(hours=2), DESK_WINDOW)


def dispatcher(origin: str, chance: Random) -> Actor:
    """One of the three people at an airport's desk."""
    return Actor("user", f"dispatcher-{origin.lower()}-{chance.randint(1, 3)}")


def schedules(flights: Iterable[Flight]) -> Iterator[Transaction]:
    """Each day's flights, inserted by a job the day before, in several transactions under one correlation id."""
    for day, planned in _grouped(flights, operating_day).items():
        action = Action("schedule.publish", f"schedule-{day}", job_id=f"schedule-import-{day}")
        for index, rows in enumerate(chunks(map(_planned, planned), SCHEDULE_CHUNK)):
            at = published_at(day) + timedelta(seconds=index)
            yield Transaction(at, _SCHEDULER, (Write("schedule_flights", "flights", rows),), action)


def departures(flights: Iterable[Flight]) -> Iterator[Transaction]:
    """What the feed reports of flights that left."""
    left = [(flight, flight.departed_at) for flight in flights if flight.departed_at]
    for window, group in _grouped(left, lambda pair: floor(pair[1], FEED_WINDOW)).items():
        rows: tuple[Row, ...] = tuple(
            {"id": flight.id, "departed_at": moment.isoformat(), "departure_delay": flight.departure_delay}
            for flight, moment in group
        )
        write = Write("depart_flights", "flights", rows)
        yield Transaction(window + FEED_WINDOW, _FEED, (write,), Action("flight.depart", f"acars-{stamp(window)}"))


def arrivals(flights: Iterable[Flight]) -> Iterator[Transaction]:
    """What the feed reports of flights that landed; the reports of their delays are closed with them."""
    ended = [(flight, flight.ended_at) for flight in flights if flight.ended_at]
    for window, group in _grouped(ended, lambda pair: floor(pair[1], FEED_WINDOW)).items():
        writes = [Write("arrive_flights", "flights", tuple(_landed(flight) for flight, _ in group))]
        closed: tuple[Row, ...] = tuple(
            {"flight_id": flight.id, "closed_at": moment.isoformat(), "recovered_minutes": _recovered(flight)}
            for flight, moment in group
            if is_reported(flight)
        )
        if closed:
            writes.append(Write("close_delays", "delay_reports", closed))
        action = Action("flight.arrive", f"acars-{stamp(window)}")
        yield Transaction(window + FEED_WINDOW, _FEED, tuple(writes), action)


def delays(flights: Iterable[Flight], chance: Random) -> Iterator[Transaction]:
    """What dispatchers write down about flights that are an hour late or more."""
    late = [flight for flight in flights if is_reported(flight)]
    for (origin, window), group in _grouped(late, _reported_in).items():
        person = dispatcher(origin, chance)
        rows: tuple[Row, ...] = tuple(
            {
                "flight_id": flight.id,
                "reported_by": person.id,
                "delay_minutes": flight.departure_delay,
                "remark": chance.choice(_REMARKS),
            }
            for flight in group
        )
        action = Action("delay.report", f"delays-{origin}-{stamp(window)}")
        yield Transaction(window + DESK_WINDOW, person, (Write("report_delays", "delay_reports", rows),), action)


def cancellations(flights: Iterable[Flight], bookings: dict[str, list[str]], chance: Random) -> Iterator[Transaction]:
    """What dispatchers cancel; the bookings of these flights are refunded in the same transaction.

    Args:
        flights: all flights; those that never left are taken.
        bookings: locators that still stand, by flight.
        chance: picks the dispatcher.
    """
    lost = [flight for flight in flights if flight.departed_at is None]
    for (origin, at), group in _grouped(lost, lambda flight: (flight.origin, cancelled_at(flight))).items():
        writes = [Write("cancel_flights", "flights", tuple({"id": flight.id} for flight in group))]
        refunds: tuple[Row, ...] = tuple(
            {"locator": locator} for flight in group for locator in bookings.get(flight.id, ())
        )
        if refunds:
            writes.append(Write("refund_bookings", "bookings", refunds))
        action = Action("flight.cancel", f"cancellations-{origin}-{stamp(at)}", reason="operations could not recover")
        yield Transaction(at, dispatcher(origin, chance), tuple(writes), action)


def is_reported(flight: Flight) -> bool:
    """Whether a dispatcher writes a report about its delay."""
    return (flight.departure_delay or 0) >= REPORTED_DELAY


def _reported_in(flight: Flight) -> tuple[str, datetime]:
    return flight.origin, floor(flight.scheduled_departure + timedelta(minutes=30), DESK_WINDOW)


def _planned(flight: Flight) -> Row:
    return {
        "id": flight.id,
        "carrier": flight.carrier,
        "number": flight.number,
        "origin": flight.origin,
        "destination": flight.destination,
        "tail_number": flight.tail_number,
        "scheduled_departure": flight.scheduled_departure.isoformat(),
        "scheduled_arrival_local": flight.scheduled_arrival_local,
        "distance_miles": flight.distance_miles,
    }


def _landed(flight: Flight) -> Row:
    return {
        "id": flight.id,
        "status": "diverted" if flight.arrival_delay is None else "arrived",
        "arrival_local": flight.arrival_local,
        "arrival_delay": flight.arrival_delay,
        "air_minutes": flight.air_minutes,
    }


def _recovered(flight: Flight) -> int | None:
    if flight.arrival_delay is None or flight.departure_delay is None:
        return None
    return flight.departure_delay - flight.arrival_delay


_Item = TypeVar("_Item")


def _grouped(items: Iterable[_Item], key: Callable[[_Item], Key]) -> dict[Key, Sequence[_Item]]:
    groups: defaultdict[Key, list[_Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return dict(groups)
