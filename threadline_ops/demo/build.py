"""Builds the whole demo database: application, capture, replay, and a history that reaches back months."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from threadline_ops import settings as configuration
from threadline_ops.capture import names, triggers
from threadline_ops.capture.install import install
from threadline_ops.capture.triggers import TableCaptured
from threadline_ops.database import opened
from threadline_ops.demo import schema
from threadline_ops.demo.age import HistoryRewritten, age
from threadline_ops.demo.marker import recreate
from threadline_ops.demo.replay import SEED, FlightsReplayed, ReplayResult, replay
from threadline_ops.settings import Settings

DATABASE = "flightops"
_OPERATION = "demo"
_AUDITED = tuple(names.Table(schema.SCHEMA, table) for table in schema.TABLES)


class Server(Protocol):
    """A server on which the demo may make its database, such as an embedded one."""

    def dsn(self, database: str) -> str:
        """The connection string of one of its databases, as a role that may create others."""
        ...


@dataclass(frozen=True)
class ApplicationCreated:
    """The database is there, with rows that no capture has seen: the number of them, by table."""

    database: str
    replaced: bool
    brownfield: Mapping[str, int]


@dataclass(frozen=True)
class BuildResult:
    """What the demo database holds, and how long each step took."""

    database: str
    brownfield: Mapping[str, int]
    replayed: ReplayResult
    rewritten: HistoryRewritten
    seconds: Mapping[str, float]


Event = ApplicationCreated | TableCaptured | FlightsReplayed | HistoryRewritten


def build(
    server: Server,
    *,
    name: str = DATABASE,
    months: int = 1,
    limit: int | None = None,
    seed: int = SEED,
    settings: Settings | None = None,
) -> Generator[Event, None, BuildResult]:
    """Make the demo database from scratch; one that an earlier run made is dropped first.

    Args:
        server: where to make it.
        name: the database's name.
        months: how many months of flights, 1 to 12.
        limit: at most so many flights.
        seed: decides what the data does not have.
        settings: how transactions behave; connection strings and capture settings in them are not used.

    Raises:
        UnsafeDatabase: a database of this name exists, and the demo did not make it.
        SettingsError: months or limit are out of range, or the flight data is not installed.
        DatabaseError: the server refused something.
    """
    base, watch = settings or configuration.load(), _Watch()
    with opened(_at(base, server.dsn("postgres")), _OPERATION) as maintenance:
        replaced = recreate(maintenance, name)
    with opened(_at(base, server.dsn(name)), _OPERATION) as database:
        brownfield = schema.create(database)
        watch.lap("application")
        yield ApplicationCreated(name, replaced, brownfield)
        install(database)
        yield from triggers.apply(database, _AUDITED, schema.CAPTURE)
        watch.lap("capture")
        replayed = yield from replay(database, months=months, limit=limit, seed=seed)
        watch.lap("replay")
        rewritten = yield from age(database)
        watch.lap("age")
    return BuildResult(name, brownfield, replayed, rewritten, watch.laps)


def _at(settings: Settings, dsn: str) -> Settings:
    return settings.model_copy(update={"dsn": SecretStr(dsn), "direct_dsn": None})


class _Watch:
    """Seconds between one lap and the next, by name."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = round(now - self._last, 3)
        self._last = now
