"""A small host's database whose capture is healthy in every respect, for tests that break one thing of it."""

from __future__ import annotations

from typing import Any

import psycopg
from pydantic import SecretStr

from threadline_ops.capture.install import install
from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import apply
from threadline_ops.coverage.doctor import Diagnosis, Examined, examine
from threadline_ops.database import Identity, opened
from threadline_ops.progress import drive
from threadline_ops.sections import CaptureSettings, CaptureTable, CoverageSettings
from threadline_ops.settings import Settings

TABLES = ("orders", "customers", "lines", "events")

CUSTOMERS = CaptureTable(
    mask=("email",), exclude=("passport",), store_changed_from=True, except_columns=("updated_at",)
)

SCHEMA = """
create table orders (id bigint primary key, code text not null unique, note text);
create table customers (
    id bigint primary key, name text, email text, passport text, address jsonb, updated_at timestamptz
);
create table lines (order_id bigint, place int, amount numeric(10, 2), primary key (order_id, place));
create table events (id bigint, happened_on date, payload jsonb, primary key (id, happened_on))
    partition by range (happened_on);
create table events_old partition of events for values from ('2020-01-01') to ('2026-01-01');
create table events_new partition of events for values from ('2026-01-01') to ('2030-01-01');
create table scratch (id bigint primary key);
"""

WRITES = """
insert into orders select n, 'code ' || n, 'note' from generate_series(1, 5) as n;
update orders set note = 'changed' where id <= 3;
delete from orders where id = 5;
insert into customers values (1, 'Ada', 'ada@example.test', 'P-1', '{"city": "Paris"}', now());
update customers set email = 'countess@example.test', passport = 'P-2', name = 'Countess' where id = 1;
insert into lines select 1, n, n * 1.5 from generate_series(1, 3) as n;
insert into events values (1, '2025-06-01', '{}'), (2, '2026-06-01', '[1]');
"""

ACTOR = """select set_config('threadline.actor_ref', '{"type": "user", "id": "7"}', true)"""


def settings_for(dsn: str, **coverage: Any) -> Settings:
    return Settings(
        dsn=SecretStr(dsn),
        environment="test",
        environment_class="ci",
        coverage=CoverageSettings(**({"expected_tables": tuple(f"public.{name}" for name in TABLES)} | coverage)),
        capture=CaptureSettings(tables={"public.customers": CUSTOMERS, "lines": CaptureTable(typed_pk=True)}),
    )


def build(dsn: str) -> None:
    """Install, capture, and write a little of everything with an actor."""
    settings = settings_for(dsn)
    with opened(settings, "tests") as database:
        install(database)
        database.connection.execute(SCHEMA)
        capture(dsn, settings)
    write(dsn)


def write(dsn: str, *statements: str, actor: bool = True) -> None:
    """Write in one transaction of its own."""
    with psycopg.connect(dsn) as connection:
        if actor:
            connection.execute(ACTOR)
        for statement in statements or (WRITES,):
            connection.execute(statement)


def capture(dsn: str, settings: Settings, tables: tuple[str, ...] = TABLES) -> None:
    """Bring capture to what these settings imply."""
    with opened(settings, "tests") as database:
        drive(apply(database, [Table("public", name) for name in tables], settings.capture), lambda _: None)


def diagnose(settings: Settings, *, last_seen: Identity | None = None) -> Diagnosis:
    """What the doctor finds."""
    events: list[Examined] = []
    with opened(settings, "tests") as database:
        diagnosis = drive(examine(database, settings, last_seen=last_seen), events.append)
    assert sum(len(event.findings) for event in events) == len(diagnosis.findings)
    return diagnosis
