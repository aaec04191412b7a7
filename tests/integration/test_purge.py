import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from tests.audit import NOW, add_transaction, bulk, count, dsn_of, settings_for
from threadline_ops.database import opened
from threadline_ops.errors import DatabaseError, LockHeld, LockLost, PolicyError, SchemaMissing, UnsafeDatabase
from threadline_ops.lock import single_flight
from threadline_ops.progress import Interrupted
from threadline_ops.retention import BatchDeleted, Policy, PurgeRequest, purge, run_purge
from threadline_ops.retention.steps import LAST_UUID, NIL_UUID
from threadline_ops.settings import Settings

pytestmark = pytest.mark.pooled

EXECUTE = PurgeRequest(execute=True)
DAY = timedelta(days=1)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def settings(audited: str, tmp_path: Path) -> Settings:
    return settings_for(audited, tmp_path / "evidence")


@pytest.fixture
def aged(connection: psycopg.Connection) -> psycopg.Connection:
    """1,200 changes in 400 transactions over 120 days: with 90 days kept, about a quarter is expired."""
    bulk(connection, transactions=400, per_transaction=3, days=120, now=now())
    return connection


def record_of(settings: Settings) -> dict:
    (path,) = settings.evidence.directory.glob("*.json")
    return json.loads(path.read_text())


def test_a_dry_run_counts_what_the_purge_then_deletes(settings: Settings, aged: psycopg.Connection):
    cutoff = now() - 90 * DAY
    predicted = run_purge(settings, PurgeRequest(cutoff=cutoff)).preview
    assert predicted is not None
    assert count(aged, "audit_changes") == 1200, "a dry run deletes nothing"
    done = run_purge(settings, PurgeRequest(execute=True, cutoff=cutoff, batch_size=70)).result
    assert done is not None
    assert done.deleted_changes == predicted.expired_changes > 200
    assert done.deleted_transactions == predicted.emptied_transactions > 70
    assert done.outcome == "complete"
    assert done.remaining_changes == 0
    assert done.batches == -(-done.deleted_changes // 70)
    assert count(aged, "audit_changes") == predicted.kept_changes == 1200 - done.deleted_changes
    assert count(aged, "audit_transactions") == 400 - done.deleted_transactions


def test_expired_is_strictly_older_than_the_cutoff(connection: psycopg.Connection, settings: Settings):
    cutoff = NOW - 90 * DAY
    step = timedelta(microseconds=1)
    _, changes = add_transaction(connection, [cutoff - step, cutoff, cutoff + step])
    policy = Policy(window=90 * DAY, enabled=True)
    with opened(settings, "test") as database:
        events = list(purge(database, policy, now=NOW, execute=True))
    assert [e.deleted_changes for e in events] == [1]
    assert events[0].deleted_transactions == 0, "the transaction straddles the cutoff"
    left = {row[0] for row in connection.execute("select id from audit_changes")}
    assert left == set(changes[1:])


def test_many_changes_at_one_moment_are_split_between_batches(connection: psycopg.Connection, settings: Settings):
    moment = NOW - 100 * DAY
    add_transaction(connection, [moment] * 25)
    policy = Policy(window=90 * DAY, enabled=True, batch_size=10)
    with opened(settings, "test") as database:
        events = list(purge(database, policy, now=NOW, execute=True))
    assert [e.deleted_changes for e in events] == [10, 10, 5]
    assert [e.deleted_transactions for e in events] == [0, 0, 1]


def test_a_batch_has_its_size_however_the_moments_lie(connection: psycopg.Connection, settings: Settings):
    first = NOW - 100 * DAY
    moments = [first, first + DAY, first + DAY, *[first + 2 * DAY] * 7, first + 3 * DAY, *[first + 4 * DAY] * 2]
    for size in (1, 2, 3, 4, 6, 7, 13, 14):
        add_transaction(connection, moments)
        # The least and the greatest id there are, among the seven: an order by id has them at its ends.
        for number, identity in ((4, NIL_UUID), (5, LAST_UUID)):
            connection.execute(
                "update audit_changes set id = %s"
                " where id = (select id from audit_changes order by captured_at offset %s limit 1)",
                (identity, number),
            )
        policy = Policy(window=90 * DAY, enabled=True, batch_size=size)
        with opened(settings, "test") as database:
            events = list(purge(database, policy, now=NOW, execute=True))
        full, rest = divmod(len(moments), size)
        assert [e.deleted_changes for e in events] == [size] * full + [rest] * bool(rest)
        assert count(connection, "audit_changes") == 0


def test_emptied_transactions_stay_when_the_policy_says_so(settings: Settings, aged: psycopg.Connection):
    keep = settings.model_copy(
        update={"retention": settings.retention.model_copy(update={"delete_empty_transactions": False})}
    )
    predicted = run_purge(keep, PurgeRequest()).preview
    assert predicted is not None
    assert predicted.emptied_transactions == 0
    done = run_purge(keep, EXECUTE).result
    assert done is not None
    assert done.deleted_changes > 0
    assert done.deleted_transactions == 0
    assert count(aged, "audit_transactions") == 400


def test_a_capped_run_says_how_many_remain(settings: Settings, aged: psycopg.Connection):
    before = count(aged, "audit_changes")
    report = run_purge(settings, PurgeRequest(execute=True, batch_size=50, max_batches=2))
    assert report.result is not None
    assert (report.result.outcome, report.result.deleted_changes) == ("capped", 100)
    rest = run_purge(settings, EXECUTE).result
    assert rest is not None
    assert rest.deleted_changes == report.result.remaining_changes
    assert count(aged, "audit_changes") == before - 100 - rest.deleted_changes


def test_the_record_says_what_was_done_and_hashes_what_ran(settings: Settings, aged: psycopg.Connection):
    report = run_purge(settings, PurgeRequest(execute=True, batch_size=50), run_id="run-1")
    record = record_of(settings)
    assert record["run_id"] == "run-1"
    assert record["status"] == "OK"
    assert record["outcome"] == "complete"
    assert record["mode"] == "execute"
    assert record["command"] == "threadline-ops purge --execute --batch-size 50"
    assert report.result is not None
    assert record["figures"]["deleted_changes"] == report.result.deleted_changes
    assert record["database"]["system_identifier"].isdigit()
    assert record["settings"]["dsn"] == "set"
    text = gzip.decompress(report.log.read_bytes()).decode()
    assert record["log"]["lines"] == len(text.splitlines()) >= 3
    assert record["log"]["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert {s["file"] for s in record["statements"]} >= {"retention/delete_slice.sql"}
    password = conninfo_to_dict(dsn_of(settings)).get("password")
    if password:
        assert str(password) not in report.evidence.read_text() + text


def test_a_stop_request_ends_after_the_batch_in_hand(settings: Settings, aged: psycopg.Connection):
    seen: list[BatchDeleted] = []
    with pytest.raises(Interrupted):
        run_purge(
            settings,
            PurgeRequest(execute=True, batch_size=10),
            on_event=seen.append,
            should_stop=lambda: len(seen) == 3,
        )
    assert count(aged, "audit_changes") == 1200 - 30
    record = record_of(settings)
    assert (record["status"], record["outcome"]) == ("Issue", "canceled")
    assert record["figures"]["deleted_changes"] == 30


def test_a_second_purge_fails_at_once_and_says_who_holds_the_lock(settings: Settings, aged: psycopg.Connection):
    with (
        single_flight(settings, "retention_purge", run_id="the-first-run"),
        pytest.raises(LockHeld, match="the-first-run"),
    ):
        run_purge(settings, EXECUTE)
    assert count(aged, "audit_changes") == 1200
    assert run_purge(settings, EXECUTE).result is not None, "the lock goes with its holder"


def test_a_dry_run_needs_no_lock(settings: Settings, aged: psycopg.Connection):
    with single_flight(settings, "retention_purge", run_id="the-first-run"):
        assert run_purge(settings, PurgeRequest()).preview is not None


def test_losing_the_lock_stops_the_run(settings: Settings, aged: psycopg.Connection):
    def end_the_lock(event: BatchDeleted) -> None:
        if event.batch == 2:
            aged.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where application_name like 'threadline_ops/retention_purge %' and datname = current_database()"
            )

    with pytest.raises(LockLost):
        run_purge(settings, PurgeRequest(execute=True, batch_size=10), on_event=end_the_lock)
    assert count(aged, "audit_changes") == 1200 - 20
    assert record_of(settings)["outcome"] == "failed"


def test_row_level_security_is_refused(server, settings: Settings, aged: psycopg.Connection):
    """A policy that hides changes would make their transactions look empty."""
    aged.execute("create role purger_rls login password 'p'")
    try:
        aged.execute("grant select, delete, update on audit_changes, audit_transactions to purger_rls")
        aged.execute("alter table audit_changes enable row level security")
        limited = settings.model_copy(update={"dsn": _as(settings, "purger_rls")})
        for request in (PurgeRequest(), EXECUTE):
            with pytest.raises(UnsafeDatabase, match="row-level security"):
                run_purge(limited, request)
        assert count(aged, "audit_changes") == 1200
        assert count(aged, "audit_transactions") == 400
    finally:
        aged.execute("drop owned by purger_rls; drop role purger_rls")


def test_a_role_without_delete_hears_what_it_lacks(settings: Settings, aged: psycopg.Connection):
    aged.execute("create role purger_weak login password 'p'")
    try:
        aged.execute("grant select on audit_changes, audit_transactions to purger_weak")
        weak = settings.model_copy(update={"dsn": _as(settings, "purger_weak")})
        with pytest.raises(DatabaseError, match=r"lacks DELETE on audit_changes, DELETE on audit_transactions"):
            run_purge(weak, EXECUTE)
        assert run_purge(weak, PurgeRequest()).preview is not None, "a dry run only needs to read"
        aged.execute("grant delete on audit_changes, audit_transactions to purger_weak")
        aged.execute("grant update (txid) on audit_transactions to purger_weak")
        assert run_purge(weak, EXECUTE).result is not None, "exactly these suffice"
    finally:
        aged.execute("drop owned by purger_weak; drop role purger_weak")


def test_a_read_only_session_is_refused(settings: Settings, aged: psycopg.Connection):
    name = aged.info.dbname
    aged.execute(
        psycopg.sql.SQL("alter database {} set default_transaction_read_only = on").format(psycopg.sql.Identifier(name))
    )
    with pytest.raises(DatabaseError, match="read-only"):
        run_purge(settings, EXECUTE)
    assert count(aged, "audit_changes") == 1200


def test_a_database_without_audit_tables_is_refused(database: str, tmp_path: Path):
    with pytest.raises(SchemaMissing, match="audit_changes, audit_transactions"):
        run_purge(settings_for(database, tmp_path), PurgeRequest())


@pytest.mark.parametrize(
    ("retention", "request_", "message"),
    [
        ({"enabled": False}, EXECUTE, "disabled"),
        ({"keep_days": None}, EXECUTE, "exactly one window"),
        ({}, PurgeRequest(execute=True, batch_size=0), "batch_size"),
        ({}, PurgeRequest(execute=True, cutoff=datetime(2999, 1, 1, tzinfo=UTC)), "newer than the policy's"),
    ],
)
def test_a_refused_run_changes_nothing_and_leaves_a_record(
    settings: Settings, aged: psycopg.Connection, retention: dict, request_: PurgeRequest, message: str
):
    changed = settings.model_copy(update={"retention": settings.retention.model_copy(update=retention)})
    with pytest.raises(PolicyError, match=message):
        run_purge(changed, request_)
    assert count(aged, "audit_changes") == 1200
    record = record_of(settings)
    assert (record["status"], record["outcome"]) == ("Issue", "refused")


def test_the_library_refuses_without_both_consents(settings: Settings, aged: psycopg.Connection):
    with opened(settings, "test") as database:
        for enabled, execute in ((False, True), (True, False)):
            with pytest.raises(PolicyError, match="both consents"):
                next(purge(database, Policy(window=DAY, enabled=enabled), now=NOW, execute=execute))
    assert count(aged, "audit_changes") == 1200


def test_a_change_added_to_an_emptied_transaction_keeps_it(settings: Settings, connection: psycopg.Connection):
    """A writer that references the parent while the purge empties it must not lose its change to the cascade."""
    parent, _ = add_transaction(connection, [NOW - 100 * DAY])
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as writer:
        writer.execute(
            "insert into audit_changes (transaction_id, table_schema, table_name, table_pk, op, captured_at)"
            """ values (%s, 'public', 'flights', '{"id": "2"}', 'delete', %s)""",
            (parent, NOW),
        )
        impatient = settings.model_copy(
            update={"database": settings.database.model_copy(update={"lock_timeout_ms": 200})}
        )
        with opened(impatient, "test") as database:
            work = purge(database, Policy(window=90 * DAY, enabled=True), now=NOW, execute=True)
            with pytest.raises(DatabaseError, match="a lock was not granted in time"):
                next(work)
        writer.commit()
    with opened(settings, "test") as database:
        events = list(purge(database, Policy(window=90 * DAY, enabled=True), now=NOW, execute=True))
    assert [(e.deleted_changes, e.deleted_transactions) for e in events] == [(1, 0)]
    assert count(connection, "audit_changes") == 1
    assert count(connection, "audit_transactions") == 1


def test_a_change_of_year_minus_infinity_goes_too(settings: Settings, connection: psycopg.Connection):
    add_transaction(connection, [NOW - 100 * DAY])
    connection.execute("update audit_changes set captured_at = '-infinity'")
    with opened(settings, "test") as database:
        events = list(purge(database, Policy(window=90 * DAY, enabled=True), now=NOW, execute=True))
    assert [(e.deleted_changes, e.deleted_transactions) for e in events] == [(1, 1)]


_CHILD = """
import sys
from pathlib import Path
from tests.audit import settings_for
from threadline_ops.retention import PurgeRequest, run_purge
def stop(event):
    print(event.total_changes, event.total_transactions, flush=True)
    if event.batch == int(sys.argv[3]):
        sys.stdin.readline()
run_purge(settings_for(sys.argv[1], Path(sys.argv[2])), PurgeRequest(execute=True, batch_size=25), on_event=stop)
"""


@pytest.mark.parametrize("batch", [1, 4, 9])
def test_a_killed_run_keeps_its_batches_and_a_second_one_finishes(
    settings: Settings, aged: psycopg.Connection, tmp_path: Path, batch: int
):
    arguments = [sys.executable, "-c", _CHILD, dsn_of(settings), str(tmp_path / "killed"), str(batch)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(batch)]
        os.kill(child.pid, signal.SIGKILL)
    deleted = int(lines[-1].split()[0])
    assert deleted == batch * 25
    assert count(aged, "audit_changes") == 1200 - deleted, "exactly the batches that were announced"
    report = run_purge(settings, EXECUTE)
    assert report.result is not None
    assert report.result.outcome == "complete"
    orphans = aged.execute(
        "select count(*) from audit_transactions t"
        " where not exists (select from audit_changes c where c.transaction_id = t.id)"
    ).fetchone()
    assert orphans == (0,)


def _as(settings: Settings, role: str) -> SecretStr:
    return SecretStr(make_conninfo(dsn_of(settings), user=role, password="p"))
