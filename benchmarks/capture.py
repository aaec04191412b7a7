"""What capture costs the host's writes: our trigger against Threadline's on the same schema."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import psycopg
from psycopg import sql

from benchmarks.cases import Case, interleaved, ratio, seconds
from benchmarks.effort import Effort
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


def cases(ground: Ground, effort: Effort) -> list[Case]:
    """Inserts under both triggers, row by row and a thousand at a time."""
    for name in ("captured_by_us", "captured_by_threadline"):
        _prepare(ground, name)
    with psycopg.connect(ground.server.dsn("captured_by_threadline"), autocommit=True) as connection:
        connection.execute(statement("threadline_capture"))
        connection.execute(_THEIRS)
    work: dict[str, tuple[Callable[[psycopg.Connection], None], str]] = {
        "row": (_rows, "500 transactions of one row, each one round trip"),
        "statement": (
            partial(_statements, effort.statements),
            f"{effort.statements} transactions of one statement, 1,000 rows each",
        ),
    }  # fmt: skip
    trials = {
        f"{whose} {each}": _inserting(ground, f"captured_by_{whose}", insert)
        for each, (insert, _) in work.items()
        for whose in ("us", "threadline")
    }
    measured = interleaved(trials, effort.often)
    return [
        ratio(
            f"capture.vs_threadline_{each}", measured[f"us {each}"], measured[f"threadline {each}"],
            goal=1.05, better="lower", note=f"{what}. Commits are not waited for; for information",
        )
        for each, (_, what) in work.items()
    ]  # fmt: skip


def _prepare(ground: Ground, name: str) -> None:
    ground.admin(sql.SQL("create database {}").format(sql.Identifier(name)))
    with opened(ground.settings(name), "bench") as database:
        install(database)
        database.connection.execute(_TABLE)
        drive(apply(database, [Table("public", "orders")]), lambda _: None)


def _rows(connection: psycopg.Connection) -> None:
    for number in range(500):
        connection.execute(
            f"begin; {_ACTOR}; insert into orders (code, customer, total) values ('order {number}',"
            f""" '{{"name": "Ada", "vip": true}}', {number} / 100.0); commit""".encode()
        )


def _statements(count: int, connection: psycopg.Connection) -> None:
    for _ in range(count):
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
            taken = seconds(lambda: work(connection))
            row = connection.execute("select count(*), (select count(*) from audit_changes) from orders").fetchone()
            assert row is not None
            assert row[0] == row[1] > 0, "an insert was not captured"
        return taken

    return measure
