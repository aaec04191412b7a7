"""What else changes while flights come and go: weather, airports, planes and the airlines' figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from random import Random

from threadline_ops.demo.dataset import Flight, Row
from threadline_ops.demo.traffic import dispatcher
from threadline_ops.demo.transactions import Action, Actor, Transaction, Write, stamp

#: Below this many miles an airport works under low visibility procedures.
LOW_VISIBILITY = 1.0
INSPECTIONS_A_DAY = 10

_STATION = Actor("service_account", "weather-station")
_FLEET = Actor("admin", "fleet-manager")
_REPORT = Actor("job", "punctuality-report")


def observations(weather: Iterable[Row]) -> Iterator[Transaction]:
    """Every hour's weather; routine, so without an action."""
    for hour, rows in groupby(weather, key=lambda row: str(row["time_hour"])):
        write = Write("observe_weather", "weather", tuple(rows))
        yield Transaction(datetime.fromisoformat(hour) + timedelta(minutes=5), _STATION, (write,))


def visibility(weather: Iterable[Row], chance: Random) -> Iterator[Transaction]:
    """A dispatcher signals when visibility falls below the limit, and again when it recovers."""
    low: dict[str, bool] = {}
    for row in weather:
        origin, miles = str(row["origin"]), row["visibility_miles"]
        if miles is None:
            continue
        now_low = float(str(miles)) < LOW_VISIBILITY
        if now_low == low.get(origin, False):
            continue
        low[origin] = now_low
        hour = datetime.fromisoformat(str(row["time_hour"]))
        write = Write("signal_visibility", "airports", ({"faa": origin, "low_visibility": now_low},))
        action = Action("airport.signal", f"visibility-{origin}-{stamp(hour)}", reason=f"visibility {miles} miles")
        yield Transaction(hour + timedelta(minutes=10), dispatcher(origin, chance), (write,), action)


def inspections(days: Iterable[date], planes: Sequence[str], chance: Random) -> Iterator[Transaction]:
    """Some planes a day, by the fleet's manager.

    Args:
        days: the days on which there are flights.
        planes: tail numbers to choose from.
        chance: chooses.
    """
    for day in days:
        tails = sorted(chance.sample(planes, INSPECTIONS_A_DAY))
        rows: tuple[Row, ...] = tuple({"tail_number": tail, "inspected_on": day.isoformat()} for tail in tails)
        action = Action("fleet.inspect", f"inspections-{day}")
        at = datetime.combine(day, time(4), UTC)
        yield Transaction(at, _FLEET, (Write("inspect_planes", "planes", rows),), action)


def punctuality(days: Iterable[date], flights: Iterable[Flight]) -> Iterator[Transaction]:
    """The nightly job: flights arrived and their mean delay, for each airline since the start."""
    waiting = sorted(((flight.ended_at, flight.id, flight) for flight in flights if flight.ended_at), reverse=True)
    counts: dict[str, int] = {}
    minutes: dict[str, int] = {}
    for day in days:
        at = datetime.combine(day, time(9), UTC) + timedelta(days=1)
        while waiting and waiting[-1][0] <= at:
            flight = waiting.pop()[2]
            if flight.arrival_delay is not None:
                counts[flight.carrier] = counts.get(flight.carrier, 0) + 1
                minutes[flight.carrier] = minutes.get(flight.carrier, 0) + flight.arrival_delay
        rows: tuple[Row, ...] = tuple(
            {"carrier": name, "flights_arrived": count, "mean_arrival_delay": round(minutes[name] / count, 1)}
            for name, count in sorted(counts.items())
        )
        if rows:
            action = Action("airline.report", f"punctuality-{day}", job_id=f"punctuality-report-{day}")
            yield Transaction(at, _REPORT, (Write("update_airlines", "airlines", rows),), action)
