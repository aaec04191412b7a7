"""How long one look at the coverage of 2,000 healthy tables takes, half of them redacted, each by its own settings."""

from __future__ import annotations

from statistics import median

from psycopg import sql

from benchmarks.cases import Case, figure, interleaved, seconds
from benchmarks.effort import Effort
from benchmarks.ground import Ground
from threadline_ops.capture.install import install
from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import apply
from threadline_ops.coverage import catalog
from threadline_ops.coverage.inventory import inventory
from threadline_ops.database import Database, opened
from threadline_ops.progress import drive
from threadline_ops.sections import CaptureSettings, CaptureTable, CoverageSettings
from threadline_ops.settings import Settings

TABLES = 2_000
#: Objects made in one transaction take as many locks.
_AT_A_TIME = 200


def cases(ground: Ground, effort: Effort) -> list[Case]:
    """The inventory, and of it the statement alone."""
    ground.admin(sql.SQL("create database many_tables"))
    names = [f"public.table_{number}" for number in range(TABLES)]
    settings = ground.settings("many_tables").model_copy(
        update={
            "capture": CaptureSettings(
                tables={name: CaptureTable(mask=("email",), store_changed_from=True) for name in names[::2]}
            ),
            "coverage": CoverageSettings(expected_tables=tuple(names)),
        }
    )
    with opened(settings, "bench") as database:
        _build(database, settings)
        seen = inventory(database, settings)
        assert not seen.violations, seen.violations[0]
        assert not seen.all_findings, seen.all_findings[0]

        def read() -> object:
            with database.transaction(read_only=True):
                return catalog.read(database, ["public"])

        measured = interleaved(
            {
                "all": lambda: seconds(lambda: inventory(database, settings)) * 1000,
                "catalog": lambda: seconds(read) * 1000,
            },
            effort.often,
        )
    note = f"{median(measured['catalog']):.0f} ms of it to read the catalog; fastest {min(measured['all']):.0f} ms"
    return [figure("coverage.2000_tables_ms", measured["all"], "ms", goal=200, note=note)]


def _build(database: Database, settings: Settings) -> None:
    """Make the tables and capture them as the settings say."""
    install(database)
    _run(
        database,
        [
            f"create table table_{number} (id bigint primary key, email text, name text, total numeric, at date)"
            for number in range(TABLES)
        ],
    )
    redacted = [Table("public", f"table_{number}") for number in range(0, TABLES, 2)]
    plain = [Table("public", f"table_{number}") for number in range(1, TABLES, 2)]
    # One of each kind as capture makes it; the rest by hand, because planning one table looks at all.
    drive(apply(database, [redacted[0], plain[0]], settings.capture), lambda _: None)
    for kind in (redacted, plain):
        _run(database, _copies(database, kind[0], kind[1:]))
    database.connection.execute("analyze")


def _copies(database: Database, model: Table, tables: list[Table]) -> list[str]:
    """What gives every table what the first one got."""
    rows = database.connection.execute(
        "select pg_get_triggerdef(t.oid), pg_get_functiondef(t.tgfoid), p.proname from pg_trigger as t"
        " join pg_proc as p on p.oid = t.tgfoid where t.tgrelid = %s::regclass",
        (model.name,),
    ).fetchall()
    statements: list[str] = []
    for table in tables:
        for trigger, function, name in rows:
            if name.endswith(model.name):
                own = name.replace(model.name, table.name)
                statements += [function.replace(name, own), f"revoke execute on function {own}() from public"]
            statements.append(trigger.replace(model.name, table.name))
    return statements


def _run(database: Database, statements: list[str]) -> None:
    for start in range(0, len(statements), _AT_A_TIME):
        with database.connection.transaction():
            for statement in statements[start : start + _AT_A_TIME]:
                database.connection.execute(statement.encode())
