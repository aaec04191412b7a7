"""Whatever ends a purge: nothing goes that should stay, and the next run finishes the work.

FAULT_SEEDS=200 kills at as many moments as the full campaign does; by default it is a few.
"""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from tests import pgbouncer
from tests.audit import NOW, bulk, count, settings_for
from tests.partitioned import partition_monthly
from threadline_ops import embedded
from threadline_ops.capture.install import install
from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import apply
from threadline_ops.database import opened
from threadline_ops.errors import Busy, DatabaseError
from threadline_ops.evidence import find, store_of, verify
from threadline_ops.retention import PurgeEvent, PurgeRequest, PurgeResult, run_purge
from threadline_ops.settings import Settings

DAY = timedelta(days=1)
SEEDS = int(os.environ.get("FAULT_SEEDS", "6"))
WAYS = ({"sweep": "always"}, {"sweep": "never"}, {"workers": 3})


WORKED_THROUGH = PurgeRequest(execute=True, cutoff=NOW - 90 * DAY, batch_size=20, full_speed=True)


def finished(settings: Settings, **way) -> PurgeResult:
    """A whole run, as an operator has it, with its evidence."""
    chosen = settings.model_copy(update={"retention": settings.retention.model_copy(update=way)})
    result = run_purge(chosen, WORKED_THROUGH).result
    assert result is not None
    return result


def survivors(connection: psycopg.Connection) -> set:
    return {row[0] for row in connection.execute("select id from audit_changes")}


def kept(connection: psycopg.Connection) -> set:
    rows = connection.execute("select id from audit_changes where captured_at >= %s", (NOW - 90 * DAY,))
    return {row[0] for row in rows}


def assert_finished(connection: psycopg.Connection, expected: set, settings: Settings) -> None:
    """Exactly what should be left is left, no transaction is empty, and the chain of certificates holds."""
    assert survivors(connection) == expected
    parents = {row[0] for row in connection.execute("select id from audit_transactions")}
    assert parents == {row[0] for row in connection.execute("select transaction_id from audit_changes")}
    verified = verify(settings)
    assert verified.intact, verified.problems


def certificate_of(settings: Settings) -> dict:
    """The one of the newest run."""
    store = store_of(settings)
    return find(store, str(max(store.sequences()))).body["figures"]["certificate"]


_CHILD = """
import sys
from pathlib import Path
from tests.audit import settings_for
from tests.integration.test_purge_faults import WAYS, finished, WORKED_THROUGH
from threadline_ops.retention import run_purge
settings = settings_for(sys.argv[1], Path(sys.argv[3]), **WAYS[int(sys.argv[2])])
run_purge(settings, WORKED_THROUGH, on_event=lambda event: print(".", flush=True))
print("end", flush=True)
"""


@pytest.mark.parametrize("seed", range(SEEDS))
def test_kill_9_at_any_moment(audited_directly: str, connection: psycopg.Connection, tmp_path: Path, seed: int):
    chance = random.Random(seed)
    way = chance.randrange(len(WAYS))
    if chance.random() < 0.3:
        partition_monthly(connection, date(2026, 1, 1), 6, default=chance.random() < 0.5)
    bulk(connection, transactions=300, per_transaction=3, days=120, now=NOW)
    expected = kept(connection)
    settings = settings_for(audited_directly, tmp_path / "evidence")
    arguments = [sys.executable, "-c", _CHILD, audited_directly, str(way), str(tmp_path / "evidence")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(chance.randrange(0, 18)):
            child.stdout.readline()
        # Now it is within the next step, or between two.
        threading.Event().wait(chance.random() * 0.004)
        os.kill(child.pid, signal.SIGKILL)
    held = {row[0] for row in connection.execute("select id from audit_changes")}
    assert expected <= held, "nothing goes that should stay"
    referenced = connection.execute(
        "select count(*) from audit_changes c where not exists"
        " (select from audit_transactions t where t.id = c.transaction_id)"
    ).fetchone()
    assert referenced == (0,)
    finished(settings, sweep=chance.choice(["auto", "always"]))
    assert_finished(connection, expected, settings)


def after(batches: int, fault: Callable[[], object]) -> Callable[[PurgeEvent], None]:
    """Makes a fault between two batches of a run."""

    def on_event(event: PurgeEvent) -> None:
        if event.batch == batches and event.deleted_changes:
            fault()

    return on_event


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_a_server_restart_in_mid_run_is_an_error_and_the_next_run_finishes(tmp_path: Path, how: signal.Signals):
    """A crash may undo the last steps, which did not wait for the disk; the certificate says that it cannot know."""
    with ExitStack() as stack:
        server = stack.enter_context(embedded.running(tmp_path / "server"))
        settings = settings_for(server.dsn(), tmp_path / "evidence")
        with opened(settings, "test") as database:
            install(database)
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            bulk(connection, transactions=300, per_transaction=3, days=120, now=NOW)
            expected = kept(connection)
        pid = server.pid

        def end() -> None:
            os.kill(pid, how)
            stack.close()

        with pytest.raises(DatabaseError, match=r"shutting down|terminat|connection .*was lost"):
            run_purge(settings, WORKED_THROUGH, on_event=after(3, end))
    assert certificate_of(settings)["settled"] is False
    with embedded.running(tmp_path / "server") as server:
        again = settings_for(server.dsn(), tmp_path / "evidence")
        finished(again)
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            assert_finished(connection, expected, again)
    assert certificate_of(again)["settled"] is True


@pytest.mark.thorough
def test_a_pooler_restart_in_mid_run_is_an_error_and_the_next_run_finishes(
    server, audited_directly: str, connection: psycopg.Connection, tmp_path: Path
):
    bulk(connection, transactions=300, per_transaction=3, days=120, now=NOW)
    expected = kept(connection)
    with ExitStack() as stack:
        pooler = stack.enter_context(pgbouncer.started(server.admin, "transaction"))
        settings = settings_for(pooler.dsn(audited_directly), tmp_path / "evidence")
        with pytest.raises(DatabaseError, match=r"connection .*was lost"):
            run_purge(settings, WORKED_THROUGH, on_event=after(3, stack.close))
    assert expected < survivors(connection)
    assert len(survivors(connection)) == 900 - 60, "three batches and nothing else"
    with pgbouncer.started(server.admin, "transaction") as pooler:
        again = settings_for(pooler.dsn(audited_directly), tmp_path / "evidence")
        finished(again)
        assert_finished(connection, expected, again)


def waiting(connection: psycopg.Connection) -> None:
    """Until a session of this database waits for a lock; ten seconds at most."""
    for _ in range(2000):
        row = connection.execute(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        ).fetchone()
        if row != (0,):
            return
        connection.execute("select pg_sleep(0.005)")
    raise AssertionError("nobody waits")


def test_a_deadlock_undoes_the_batch_and_nothing_else(audited: str, connection: psycopg.Connection, tmp_path: Path):
    bulk(connection, transactions=100, per_transaction=3, days=120, now=NOW)
    expected = kept(connection)
    settings = settings_for(audited, tmp_path)
    patient = settings.model_copy(update={"database": settings.database.model_copy(update={"lock_timeout_ms": 20_000})})
    first = connection.execute("select id from audit_changes order by captured_at, id limit 1").fetchone()
    with psycopg.connect(audited) as other, ThreadPoolExecutor(1) as pool:
        # The other session holds the tenth change and then wants the first, which the batch has deleted by then.
        other.execute("set deadlock_timeout = '1min'")
        other.execute(
            "select from audit_changes where id ="
            " (select id from audit_changes order by captured_at, id offset 9 limit 1) for update"
        )
        run = pool.submit(finished, patient)
        waiting(connection)
        other.execute("update audit_changes set op = op where id = %s", first)
        with pytest.raises(Busy, match="deadlock"):
            run.result(timeout=30)
        other.rollback()
    assert len(survivors(connection)) == 300, "the batch was undone whole"
    finished(settings)
    assert_finished(connection, expected, settings)


def test_a_statement_timeout_undoes_the_batch(audited: str, connection: psycopg.Connection, tmp_path: Path):
    bulk(connection, transactions=100, per_transaction=3, days=120, now=NOW)
    expected = kept(connection)
    settings = settings_for(audited, tmp_path)
    hasty = settings.model_copy(
        update={"database": settings.database.model_copy(update={"statement_timeout_ms": 200, "lock_timeout_ms": 9000})}
    )
    with psycopg.connect(audited) as other:
        other.execute("select from audit_changes where captured_at < %s for update", (NOW - 119 * DAY,))
        with pytest.raises(Busy, match="time limit"):
            finished(hasty)
    assert len(survivors(connection)) == 300
    finished(settings)
    assert_finished(connection, expected, settings)


@pytest.mark.parametrize("changes", WAYS)
def test_a_capturing_workload_beside_the_purge_loses_no_write(
    audited: str, connection: psycopg.Connection, tmp_path: Path, changes: dict
):
    bulk(connection, transactions=1000, per_transaction=3, days=120, now=NOW)
    connection.execute("create table bookings (id int primary key, note text)")
    with opened(Settings(dsn=SecretStr(audited)), "test") as database:
        list(apply(database, [Table("public", "bookings")]))
    expected = kept(connection)
    settings = settings_for(audited, tmp_path)
    done = threading.Event()

    def write(worker: int) -> int:
        written = 0
        with psycopg.connect(audited, autocommit=True) as own:
            while not done.is_set() or written < 50:
                written += 1
                own.execute("insert into bookings values (%s, 'x')", (worker * 1_000_000 + written,))
        return written

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write, n) for n in (1, 2)]
        try:
            finished(settings, **changes)
        finally:
            done.set()
        written = sum(writer.result(timeout=30) for writer in writers)
    captured = connection.execute("select count(*) from audit_changes where table_name = 'bookings'").fetchone()
    assert captured == (written,)
    assert count(connection, "bookings") == written
    assert expected <= survivors(connection)
