"""The disk fills up under a purge: under its WAL for real where this account may mount one, else as the server says it.

A full WAL disk ends the whole server, and it does not come back before there is space again.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.audit import NOW, bulk, settings_for
from tests.integration.test_purge_faults import WORKED_THROUGH, after, assert_finished, finished, kept, survivors
from threadline_ops import embedded
from threadline_ops.capture.install import install
from threadline_ops.database import opened
from threadline_ops.embedded.account import hand_over
from threadline_ops.errors import DatabaseError, OpsError
from threadline_ops.retention import run_purge

#: No checkpoint and no segment in reserve comes to help.
SETTINGS = {
    "max_wal_size": "4GB",
    "min_wal_size": "32MB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
    "restart_after_crash": "off",
}
SEGMENT = 16 << 20
#: What is left of the current WAL segment when the disk is full: a few batches.
LEFT = 30_000


def may_mount(at: Path) -> bool:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    at.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "none", at], check=False, capture_output=True)
    return done.returncode == 0 and subprocess.run(["umount", at], check=False).returncode == 0


@contextmanager
def small_wal_disk(wal: Path) -> Iterator[None]:
    """The stopped server's WAL on a disk of its own, of four segments."""
    aside = wal.with_name("wal_aside")
    wal.rename(aside)
    wal.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={4 * SEGMENT},mode=700", "none", wal], check=True)
    try:
        for path in [wal, *(wal / each.relative_to(aside) for each in sorted(aside.rglob("*")))]:
            source = aside / path.relative_to(wal)
            if source.is_dir():
                path.mkdir(exist_ok=True)
            else:
                shutil.copy2(source, path)
            hand_over(path)
        yield
    finally:
        subprocess.run(["umount", "--lazy", wal], check=True)


def fill(wal: Path, connection: psycopg.Connection) -> None:
    """Leave no space on the disk, and little in the segment at hand."""
    with (wal / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass
    row = connection.execute("select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint").fetchone()
    assert row is not None
    gap = SEGMENT - row[0] % SEGMENT - LEFT
    if gap > 0:
        connection.execute("select pg_logical_emit_message(false, 'x', repeat('x', %s))", (gap,))


def test_a_full_wal_disk_ends_the_run_and_the_next_one_finishes(tmp_path: Path):
    home = tmp_path / "server"
    with embedded.running(home, settings=SETTINGS) as server:
        settings = settings_for(server.dsn(), tmp_path / "evidence")
        wal = server.data_directory / "pg_wal"
        with opened(settings, "test") as database:
            install(database)
            bulk(database.connection, transactions=600, per_transaction=3, days=120, now=NOW)
            expected = kept(database.connection)
            if not may_mount(tmp_path / "probe"):
                _as_the_server_says_it(settings, database.connection, expected)
                return
    with small_wal_disk(wal):
        with embedded.running(home, settings=SETTINGS) as server:
            settings = settings_for(server.dsn(), tmp_path / "evidence")
            with psycopg.connect(server.dsn(), autocommit=True) as connection, pytest.raises(OpsError):
                run_purge(settings, WORKED_THROUGH, on_event=after(2, lambda: fill(wal, connection)))
            log = server.log_file.read_text()
        assert "No space left on device" in log
        (wal / "filler").unlink()
        with embedded.running(home, settings=SETTINGS) as server:
            settings = settings_for(server.dsn(), tmp_path / "evidence")
            with psycopg.connect(server.dsn(), autocommit=True) as connection:
                assert expected < survivors(connection), "nothing goes that should stay, and something is left to do"
                finished(settings)
                assert_finished(connection, expected, settings)


def _as_the_server_says_it(settings, connection: psycopg.Connection, expected: set) -> None:
    def fail() -> None:
        connection.execute(
            "create function full_() returns trigger language plpgsql as"
            " $$ begin raise sqlstate '53100' using message = 'could not extend file'; end $$;"
            "create trigger full_ before delete on audit_changes for each row execute function full_()"
        )

    with pytest.raises(DatabaseError, match="disk is full"):
        run_purge(settings, WORKED_THROUGH, on_event=after(2, fail))
    assert len(survivors(connection)) == 1800 - 40
    connection.execute("drop trigger full_ on audit_changes")
    finished(settings)
    assert_finished(connection, expected, settings)
