"""What capture costs the host's writes: our trigger against Threadline's on the same schema."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
from psycopg import sql

from benchmarks.cases import Case, interleaved, ratio
from benchmarks.ground import Ground, statement
from threadline_ops.capture.install import install
from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import apply
from threadline_ops.database import opened
from threadline_ops.progress import drive

_TABLE = (
    "create table orders (id bigint generated always as identity primary key, code text not null, customer jsonb,"
    " total numeric(12, 2), placed_at timestamptz not null default now())"
)
_ACTOR = """select set_config('threadline.actor_ref', '{"type": "user", "id": "42"}', true)"""
_THEIRS = (
    "drop trigger threadline_audit_orders on orders;"
    " create trigger threadline_audit_orders after insert or update or delete on orders"
    " for each row execute function threadline_capture_changes()"
)


def cases(ground: Ground, repeats: int) -> list[Case]:
    """Inserts under both triggers, row by row and a thousand at a time."""
    for name in ("captured_by_us", "captured_by_threadline"):
        _prepare(ground, name)
    with psycopg.connect(ground.server.dsn("captured_by_threadline"), autocommit=True) as connection:
        connection.execute(statement("threadline_capture"))
        connection.execute(_THEIRS)
    found: list[Case] = []
    for work, what in (("row", _rows), ("statement", _statements)):
        measured = interleaved(
            {
                "ours": _inserting(ground, "captured_by_us", what),
                "theirs": _inserting(ground, "captured_by_threadline", what),
            },
            # Short and often: what else the machine does hits both alike.
            3 * max(repeats, 5),
        )
        found.append(
            ratio(
                f"capture.vs_threadline_{work}",
                measured["ours"],
                measured["theirs"],
                goal=1.05,
                better="lower",
                note=f"{what.__doc__} Commits are not waited for; for information",
            )
        )
    return found


def _prepare(ground: Ground, name: str) -> None:
    ground.admin(sql.SQL("create database {}").format(sql.Identifier(name)))
    with opened(ground.settings(name), "bench") as database:
        install(database)
        database.connection.execute(_TABLE)
        drive(apply(database, [Table("public", "orders")]), lambda _: None)


def _rows(connection: psycopg.Connection) -> None:
    """500 transactions of one row, each one round trip."""
    for number in range(500):
        connection.execute(
            f"begin; {_ACTOR}; insert into orders (code, customer, total) values ('order {number}',"
            f""" '{{"name": "Ada", "vip": true}}', {number} / 100.0); commit"""
        )


def _statements(connection: psycopg.Connection) -> None:
    """20 transactions of one statement, 1,000 rows each."""
    for _ in range(20):
        connection.execute(
            f"begin; {_ACTOR}; insert into orders (code, customer, total) select 'order ' || n,"
            """ '{"name": "Ada", "vip": true}', n / 100.0 from generate_series(1, 1000) as n; commit"""
        )


def _inserting(ground: Ground, name: str, work: Callable[[psycopg.Connection], None]) -> Callable[[], float]:
    """Seconds of the same inserts into tables that are empty at first."""

    def measure() -> float:
        with psycopg.connect(ground.server.dsn(name), autocommit=True) as connection:
            # The host's table first: under our trigger its TRUNCATE is captured as well.
            connection.execute("truncate orders; truncate audit_changes, audit_transactions")
            connection.execute("checkpoint")
            connection.execute("set synchronous_commit = off")
            started = time.perf_counter()
            work(connection)
            seconds = time.perf_counter() - started
            row = connection.execute("select count(*), (select count(*) from audit_changes) from orders").fetchone()
            assert row is not None
            assert row[0] == row[1] > 0, "an insert was not captured"
        return seconds

    return measure
