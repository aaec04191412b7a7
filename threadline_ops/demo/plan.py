"""Puts everything that happened into one order: the same one for the same months, limit and seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from random import Random

from threadline_ops.demo import dataset, ground, passengers, traffic
from threadline_ops.demo.dataset import Flight, Row
from threadline_ops.demo.transactions import Transaction
from threadline_ops.errors import SettingsError


def plan(*, months: int, limit: int | None, seed: int) -> list[Transaction]:
    """All transactions of a replay, oldest first.

    Args:
        months: how many months of flights, from January on.
        limit: at most so many flights, the first ones scheduled; None for all.
        seed: decides what the data does not have: bookings, inspections, who sat at the desk.

    Raises:
        SettingsError: months or limit are out of range, or the data is not installed.
    """
    if limit is not None and limit < 1:
        raise SettingsError("a replay needs flights", got=limit, fix="leave the limit out, or raise it")
    flights = dataset.flights(months)[:limit]
    weather = list(_until(_end(flights), dataset.weather(months)))
    return sorted(_transactions(flights, weather, seed), key=lambda transaction: transaction.at)


def _transactions(flights: Sequence[Flight], weather: Sequence[Row], seed: int) -> Iterator[Transaction]:
    days = sorted({traffic.operating_day(flight) for flight in flights})
    planes = [str(row["tailnum"]) for row in dataset.reference_rows("planes")]
    # A source of chance for each part, so that a change to one leaves the others as they are.
    chances = {part: Random(f"{seed} {part}") for part in ("bookings", "desk", "delays", "tower", "fleet")}  # noqa: S311
    booked = passengers.bookings(flights, chances["bookings"])
    yield from traffic.schedules(flights)
    yield from booked.transactions
    yield from traffic.cancellations(flights, booked.standing, chances["desk"])
    yield from traffic.delays(flights, chances["delays"])
    yield from traffic.departures(flights)
    yield from traffic.arrivals(flights)
    yield from ground.observations(weather)
    yield from ground.visibility(weather, chances["tower"])
    yield from ground.inspections(days, planes, chances["fleet"])
    yield from ground.punctuality(days, flights)


def _end(flights: Sequence[Flight]) -> datetime:
    return max(flight.ended_at or flight.scheduled_departure for flight in flights)


def _until(end: datetime, weather: Sequence[Row]) -> Iterator[Row]:
    return (row for row in weather if datetime.fromisoformat(str(row["time_hour"])) <= end)
