"""What is held stays, whenever the hold was placed."""

import gzip
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.audit import NOW, add_transaction, count, settings_for
from threadline_ops.database import Database, opened
from threadline_ops.errors import Busy, PolicyError
from threadline_ops.evidence import records, store_of
from threadline_ops.retention import Policy, holds, preview, purge
from threadline_ops.retention.holds import Hold
from threadline_ops.retention.standing import place_hold, release_hold, steer_purges
from threadline_ops.settings import Settings

DAY = timedelta(days=1)
POLICY = Policy(window=90 * DAY, enabled=True, batch_size=2)


@pytest.fixture
def settings(audited: str, tmp_path: Path) -> Settings:
    return settings_for(audited, tmp_path)


@pytest.fixture
def base(settings: Settings):
    with opened(settings, "test") as database:
        yield database


def purged(database: Database, policy: Policy = POLICY):
    work = purge(database, policy, now=NOW, execute=True)
    try:
        while True:
            next(work)
    except StopIteration as end:
        return end.value


@pytest.fixture
def three(connection: psycopg.Connection) -> list:
    """Three old transactions of one change each: by a user, with a correlation id, and of row 7."""
    made = [add_transaction(connection, [NOW - n * DAY]) for n in (100, 110, 120)]
    (by_user, _), (correlated, _), (_, row_seven) = made
    connection.execute(
        "update audit_transactions set actor_ref = %s where id = %s", (Jsonb({"type": "user", "id": "u"}), by_user)
    )
    action = connection.execute(
        "insert into audit_actions (name, actor_ref, status, correlation_id) values ('x', '{}', 'ok', 'case-1')"
        " returning id"
    ).fetchone()
    assert action is not None
    connection.execute("update audit_transactions set action_id = %s where id = %s", (action[0], correlated))
    connection.execute("update audit_changes set table_pk = %s where id = %s", (Jsonb({"id": "7"}), row_seven[0]))
    return [changes[0] for _, changes in made]


@pytest.mark.parametrize(
    ("hold", "kept"),
    [
        (Hold("r", actor={"type": "user", "id": "u"}), {0}),
        (Hold("r", correlation_id="case-1"), {1}),
        (Hold("r", table=("public", "flights"), pk={"id": "7"}), {2}),
        (Hold("r", table=("public", "flights"), pk={"id": 7}), {2}),
        (Hold("r", table=("public", "flights")), {0, 1, 2}),
        (Hold("r", table=("other", "flights")), set()),
        (Hold("r", since=NOW - 115 * DAY, to=NOW - 105 * DAY), {1}),
        (Hold("r", since=NOW - 110 * DAY, to=NOW - 110 * DAY), {1}),
        (Hold("r", correlation_id="case-1", actor={"type": "user"}), set()),
        (Hold("r", table=("public", "flights"), until=NOW - 1000 * DAY), set()),
    ],
)
def test_exactly_what_a_hold_names_is_kept(base: Database, connection, three: list, hold: Hold, kept: set[int]):
    holds.add(base, hold)
    seen = preview(base, POLICY, now=NOW)
    result = purged(base)
    left = {row[0] for row in connection.execute("select id from audit_changes")}
    assert left == {three[n] for n in kept}
    assert count(connection, "audit_transactions") == len(kept), "a transaction with a held change stays"
    assert (seen.expired_changes, seen.held_changes, seen.emptied_transactions) == (
        3 - len(kept),
        len(kept),
        3 - len(kept),
    )
    assert (result.outcome, result.remaining_changes, result.held_changes) == ("complete", 0, len(kept))


def test_a_hold_placed_in_mid_run_wins_over_the_batches_to_come(base: Database, connection, settings: Settings):
    for n in range(6):
        add_transaction(connection, [NOW - (100 + n) * DAY])
    work = purge(base, POLICY, now=NOW, execute=True)
    next(work)
    with opened(settings, "test") as other:
        holds.add(other, Hold("found it", table=("public", "flights")))
    assert list(work) == []
    assert count(connection, "audit_changes") == 4


def test_placing_a_hold_waits_for_the_batch_at_work(base: Database, connection, settings: Settings):
    """Otherwise a batch whose snapshot is older than the hold could delete after `add` has returned."""
    impatient = settings.model_copy(update={"database": settings.database.model_copy(update={"lock_timeout_ms": 50})})
    holds.install(base)
    with base.transaction():
        from threadline_ops.retention.steps import begin

        begin(base)
        with opened(impatient, "test") as other, pytest.raises(Busy):
            holds.add(other, Hold("r", table=("public", "flights")))
    holds.add(base, Hold("r", table=("public", "flights")))


def test_a_release_is_recorded_and_lets_go(base: Database, connection, three: list):
    number = holds.add(base, Hold("r", table=("public", "flights")), by="counsel")
    assert purged(base).deleted_changes == 0
    holds.release(base, number, reason="settled", by="counsel")
    (row,) = holds.holds(base, released=True)
    assert row["release_reason"] == "settled"
    assert row["released_by"].startswith("counsel as ")
    assert holds.holds(base) == []
    with pytest.raises(PolicyError, match="no such hold"):
        holds.release(base, number, reason="again")
    assert purged(base).deleted_changes == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": " "},
        {"reason": "r"},
        {"reason": "r", "pk": {"id": 1}},
        {"reason": "r", "since": NOW.replace(tzinfo=None)},
    ],
)
def test_a_hold_that_says_too_little_is_refused(wrong: dict):
    with pytest.raises(PolicyError):
        Hold(**wrong)


def test_placing_releasing_and_steering_leave_records_without_what_is_held(audited: str, tmp_path: Path):
    settings = settings_for(audited, tmp_path / "evidence")
    secret = "someone@example.test"
    number = place_hold(settings, Hold(reason=f"case of {secret}", actor={"type": "user", "id": secret}))
    release_hold(settings, number, reason=f"case of {secret} is closed")
    steer_purges(settings, paused=True, reason=secret)
    steer_purges(settings, paused=False)
    with pytest.raises(PolicyError, match="no such hold"):
        release_hold(settings, number + 1, reason="none")
    found = [(record.operation, record.outcome) for record in records(store_of(settings))]
    assert found == [
        ("hold_add", "complete"),
        ("hold_release", "complete"),
        ("purge_control", "complete"),
        ("purge_control", "complete"),
        ("hold_release", "refused"),
    ]
    for path in settings.evidence.directory.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert secret.encode() not in (gzip.decompress(content) if path.suffix == ".gz" else content)
