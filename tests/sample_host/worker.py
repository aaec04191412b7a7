"""The application's background side: `python -m tests.sample_host.worker [CORRELATION_ID] [FAULT]`.

Without a correlation id it works off the queue once, as a worker does.
"""

from __future__ import annotations

import os
import sys

from sqlalchemy import text

from tests.sample_host.bookings import book, engine_for

QUEUE = "create table jobs (id bigint generated always as identity primary key, args jsonb not null, done boolean)"


def close_day(dsn: str, correlation_id: str, fault: str = "") -> None:
    engine = engine_for(dsn)
    actor = {"type": "job", "id": "close_day"}
    book(engine, actor, flight=9, email="job@example.com", correlation_id=correlation_id, fault=fault, job="job-1")
    engine.dispose()


def work_off(dsn: str) -> int:
    """Do what waits in the queue; how many jobs that was."""
    engine = engine_for(dsn)
    with engine.begin() as connection:
        waiting = connection.execute(
            text("update jobs set done = true where done is null returning args ->> 'correlation_id'")
        ).scalars()
        correlations = list(waiting)
    engine.dispose()
    for correlation_id in correlations:
        close_day(dsn, correlation_id)
    return len(correlations)


if __name__ == "__main__":
    close_day(os.environ["SAMPLE_HOST_DSN"], *sys.argv[1:])
