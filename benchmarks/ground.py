"""The ground that all cases stand on: one server, one generated template, a fresh copy for each trial."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql
from pydantic import SecretStr

from benchmarks.cases import seconds
from threadline_ops import embedded
from threadline_ops.capture.install import install
from threadline_ops.database import opened
from threadline_ops.sections import EvidenceSettings, RetentionSettings
from threadline_ops.settings import Settings

#: Durable, as production is; memory for a machine of 2 cores that also runs the clients.
SERVER = {
    "shared_buffers": "2GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "off",
    "jit": "off",
    "max_connections": "50",
}

SPAN = timedelta(days=120)
_SQL = Path(__file__).parent / "sql"


def statement(name: str) -> bytes:
    """A statement of the benchmarks' own folder."""
    return (_SQL / f"{name}.sql").read_bytes()


@dataclass(frozen=True)
class Ground:
    """Where trials run.

    Attributes:
        server: durable, on this machine.
        end: the newest moment of the generated history.
        directory: for files that trials write.
    """

    server: embedded.Server
    end: datetime
    directory: Path

    @property
    def cutoff(self) -> datetime:
        """Half of the history lies before it."""
        return self.end - SPAN / 2

    def changes(self, template: str) -> int:
        """How many a template holds."""
        with psycopg.connect(self.server.dsn(template)) as connection:
            row = connection.execute("select count(*) from audit_changes").fetchone()
        assert row is not None
        return row[0]

    def settings(self, database: str, **retention: object) -> Settings:
        """Settings for a trial's database, with half of its history expired."""
        given = {"enabled": True, "keep_days": 1, "max_batches": 10**9} | retention
        return Settings(
            dsn=SecretStr(self.server.dsn(database)),
            environment="bench",
            environment_class="ci",
            evidence=EvidenceSettings(directory=self.directory / "evidence"),
            retention=RetentionSettings.model_validate(given),
        )

    def admin(self, statement_: sql.Composed | sql.SQL) -> None:
        """Run a statement that no transaction may hold."""
        with psycopg.connect(self.server.dsn(), autocommit=True) as connection:
            connection.execute(statement_)

    @contextmanager
    def copy(self, template: str) -> Generator[str]:
        """A fresh copy of a template; the checkpoint keeps one trial's writes out of the next one's time."""
        name = "trial"
        self.admin(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        copy = sql.SQL("create database {} template {} strategy file_copy")
        self.admin(copy.format(sql.Identifier(name), sql.Identifier(template)))
        self.admin(sql.SQL("checkpoint"))
        try:
            yield name
        finally:
            self.admin(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def trial(self, template: str, work: Callable[[str], None]) -> Callable[[], float]:
        """A measurement: seconds of `work(database)` on a fresh copy."""

        def measure() -> float:
            with self.copy(template) as name:
                return seconds(lambda: work(name))

        return measure

    def generate(self, name: str, transactions: int) -> None:
        """Make a template: about three changes a transaction, analysed and frozen."""
        self.admin(sql.SQL("create database {}").format(sql.Identifier(name)))
        settings = Settings(dsn=SecretStr(self.server.dsn(name)))
        with opened(settings, "bench") as database:
            install(database)
            with database.connection.transaction():
                # What is made here refers to itself by the way it is made: no foreign key need be looked up.
                database.connection.execute("set local session_replication_role = replica")
                database.connection.execute(
                    statement("generate"), {"transactions": transactions, "start": self.end - SPAN, "end": self.end}
                )
            database.connection.execute("vacuum (freeze, analyze)")

    def partition(self, name: str, of: str) -> None:
        """Make a template: another one's history with audit_changes in partitions of thirty days."""
        copy = sql.SQL("create database {} template {} strategy file_copy")
        self.admin(copy.format(sql.Identifier(name), sql.Identifier(of)))
        bounds = {"start": (self.end - SPAN).isoformat(), "end": self.end.isoformat()}
        text = statement("partition").decode()
        for slot, value in bounds.items():
            text = text.replace(f"{{{slot}}}", value)
        with psycopg.connect(self.server.dsn(name), autocommit=True) as connection:
            connection.execute(text.encode())
            connection.execute("vacuum (freeze, analyze)")


@contextmanager
def prepared(transactions: int, *, history: bool = True) -> Generator[Ground]:
    """A server, with `history` also the templates "full" (of this many transactions) and "tenth"."""
    with TemporaryDirectory(prefix="threadline-bench-") as directory:
        Path(directory).chmod(0o755)
        with embedded.running(Path(directory) / "server", settings=SERVER) as server:
            # Whole seconds: PostgreSQL keeps microseconds, and the two clocks must agree on the cutoff.
            end = datetime.now(UTC).replace(microsecond=0)
            ground = Ground(server, end, Path(directory))
            if history:
                ground.generate("full", transactions)
                ground.generate("tenth", transactions // 10)
            yield ground
