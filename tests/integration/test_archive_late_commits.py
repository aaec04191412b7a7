"""Long, prepared and out-of-order transactions around midnight: no row is lost, and none archived twice.

The clock is the test's own: what is captured and when a mark is made follow it, so that midnight passes in the middle of
every script. FAULT_SEEDS=500 runs the full campaign; CI takes a few.
"""

import os
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from tests.archive import archive_settings
from threadline_ops.archive import Waiting, draft, write
from threadline_ops.archive.manifest import newest
from threadline_ops.archive.session import joined, writing
from threadline_ops.database import Database, opened
from threadline_ops.settings import Settings

SEEDS = int(os.environ.get("FAULT_SEEDS", "5"))
MIDNIGHT = datetime(2026, 5, 20, tzinfo=UTC)


@dataclass
class World:
    """Connections with open transactions, and a clock.

    Attributes:
        chance: of this seed.
        now: the clock.
        written: ids written by each open transaction.
        prepared: ids written by each prepared one.
        committed: when each committed id was captured.
    """

    dsn: str
    chance: random.Random
    now: datetime = MIDNIGHT - timedelta(minutes=5)
    idle: list[psycopg.Connection] = field(default_factory=list)
    written: dict[psycopg.Connection, dict[str, datetime]] = field(default_factory=dict)
    prepared: dict[str, dict[str, datetime]] = field(default_factory=dict)
    committed: dict[str, datetime] = field(default_factory=dict)

    def open(self) -> psycopg.Connection:
        connection = self.idle.pop() if self.idle else psycopg.connect(self.dsn)
        self.written[connection] = {}
        # Without a write it has no id yet, as a session that only reads before it writes.
        connection.execute("select 1")
        return connection

    def write(self) -> None:
        connection = self.chance.choice([*self.written]) if self.written and self.chance.random() < 0.7 else self.open()
        row = connection.execute(
            "with t as (insert into audit_transactions (txid, occurred_at) values (txid_current(), %(now)s)"
            " on conflict (txid) do update set source = null returning id)"
            " insert into audit_changes (transaction_id, table_schema, table_name, table_pk, op, captured_at)"
            " select id, 'public', 'flights', '{}', 'delete', %(now)s from t returning id::text",
            {"now": self.now},
        ).fetchone()
        assert row is not None
        self.written[connection][row[0]] = self.now

    def end(self) -> None:
        """One open transaction commits, rolls back, or is prepared; the oldest is no likelier than the newest."""
        connection = self.chance.choice([*self.written])
        rows = self.written.pop(connection)
        match self.chance.choice(["commit", "commit", "rollback", "prepare"] if rows else ["commit"]):
            case "commit":
                connection.commit()
                self.committed |= rows
            case "rollback":
                connection.rollback()
            case "prepare":
                name = f"two phases {len(self.prepared)} {self.chance.random()}"
                connection.execute(psycopg.sql.SQL("prepare transaction {}").format(psycopg.sql.Literal(name)))
                connection.rollback()
                self.prepared[name] = rows
        self.idle.append(connection)

    def end_prepared(self, direct: psycopg.Connection) -> None:
        name = self.chance.choice([*self.prepared])
        rows = self.prepared.pop(name)
        way = self.chance.choice(["commit", "commit", "rollback"])
        if way == "commit":
            self.committed |= rows
        direct.execute(psycopg.sql.SQL("{} prepared {}").format(psycopg.sql.SQL(way), psycopg.sql.Literal(name)))

    def pass_time(self) -> None:
        self.now += timedelta(seconds=self.chance.uniform(0, 40), microseconds=self.chance.randrange(3))


def attempt(settings: Settings, seed: int, *, wait: timedelta = timedelta(0)) -> tuple[list[str], list[Waiting]]:
    """One run that waits for nobody: the days it archived, and what it said about the others."""
    with writing(settings, f"seed-{seed}") as (session, _):
        events = list(session.writer().write(session.pending(session.database.now()), wait=wait))
    return [str(e.day) for e in events if type(e).__name__ == "DayArchived"], [
        e for e in events if isinstance(e, Waiting)
    ]


def archived(settings: Settings) -> list[tuple[str, datetime]]:
    with opened(settings, "test") as database:
        session = joined(settings, database)
    assert len(newest(session.chain.entries)) == len(session.chain.entries), "no day has two versions"
    found = []
    for entry in session.chain.entries:
        for file in entry.manifest.files:
            table = pq.read_table(session.files.path(f"{entry.manifest.folder}/{file.name}"))
            found += [(str(row["id"]), row["captured_at"]) for row in table.to_pylist()]
    return found


def play(settings: Settings, world: World, direct: psycopg.Connection, seed: int) -> None:
    """One script, with attempts to archive in between, and what must hold at its end."""
    for _ in range(world.chance.randrange(20, 45)):
        world.pass_time()
        roll = world.chance.random()
        if roll < 0.5 or not world.written:
            world.write()
        elif roll < 0.7:
            world.end()
        elif roll < 0.8 and world.prepared:
            world.end_prepared(direct)
        elif world.now > MIDNIGHT:
            blocked = any(
                at < MIDNIGHT for rows in [*world.written.values(), *world.prepared.values()] for at in rows.values()
            )
            done, waiting = attempt(settings, seed)
            if blocked:
                assert "2026-05-19" not in done
                pids = {c.info.backend_pid for c, rows in world.written.items() if rows}
                named = [b for event in waiting for b in event.blockers if b.pid in pids or b.gid in world.prepared]
                assert named or not any(at < MIDNIGHT for at in world.committed.values()), "waiting is visible"
    while world.written:
        world.end()
    while world.prepared:
        world.end_prepared(direct)
    world.now = MIDNIGHT + timedelta(days=1, minutes=5)
    attempt(settings, seed, wait=timedelta(seconds=20))
    for one in world.idle:
        one.close()
    rows = archived(settings)
    assert len(rows) == len({identity for identity, _ in rows}), "duplicated"
    assert dict(rows) == world.committed, "lost, or archived without having been committed"


@pytest.fixture
def world(audited: str, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(audited, random.Random(0))
    monkeypatch.setattr(Database, "now", lambda _: made.now)
    return made


@pytest.mark.parametrize("seed", range(SEEDS))
def test_late_commits_are_never_lost(
    audited: str, world: World, connection: psycopg.Connection, tmp_path: Path, seed: int
):
    world.chance = random.Random(seed)
    play(archive_settings(audited, tmp_path), world, connection, seed)


def test_without_the_seal_they_are(
    audited: str, world: World, connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The negative control: the same scripts notice an archive that does not wait."""
    monkeypatch.setattr(write, "unsealed", lambda *_: None)
    monkeypatch.setattr(draft, "reached", lambda *_: True)
    world.chance = random.Random(0)
    with pytest.raises(AssertionError):
        play(archive_settings(audited, tmp_path), world, connection, 0)
    for one in [*world.idle, *world.written]:
        one.close()
    for name in world.prepared:
        connection.execute(psycopg.sql.SQL("rollback prepared {}").format(psycopg.sql.Literal(name)))
