"""However a purge works, and whatever the transactions' own times and holds are: the same survivors, as foretold."""

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.audit import NOW, add_transaction, settings_for
from threadline_ops.database import opened
from threadline_ops.progress import drive
from threadline_ops.retention import Policy, holds, preview, purge
from threadline_ops.retention.holds import Hold

WINDOW = timedelta(days=30)
CUTOFF = NOW - WINDOW
offsets = st.one_of(st.sampled_from([-1, 0, 1]), st.integers(-(10**13), 10**12))
group = st.tuples(offsets, st.lists(offsets, max_size=5))


@pytest.fixture(scope="module")
def dsn(server, audited_template):
    with server.clone(audited_template) as made:
        yield made


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    groups=st.lists(group, max_size=8),
    way=st.sampled_from([{"sweep": "auto"}, {"sweep": "always"}, {"sweep": "never"}, {"workers": 3}]),
    held=st.none() | st.tuples(offsets, offsets),
    batch_size=st.integers(1, 7),
)
def test_what_goes_is_what_was_foretold_and_nothing_else(dsn, tmp_path: Path, groups, way, held, batch_size):
    from_time, to_time = (CUTOFF + timedelta(microseconds=n) for n in sorted(held)) if held else (None, None)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("truncate audit_transactions cascade; drop schema if exists threadline_ops cascade")
        kept, lived, already_empty = set(), set(), set()
        for occurred, ages in groups:
            moments = [CUTOFF + timedelta(microseconds=offset) for offset in ages]
            parent, changes = add_transaction(connection, moments)
            connection.execute(
                "update audit_transactions set occurred_at = %s where id = %s",
                (CUTOFF + timedelta(microseconds=occurred), parent),
            )
            stays = {
                change
                for change, moment in zip(changes, moments, strict=True)
                if moment >= CUTOFF or (from_time and to_time and from_time <= moment <= to_time)
            }
            kept |= stays
            if stays:
                lived.add(parent)
            if not changes:
                already_empty.add(parent)
        policy = Policy(window=WINDOW, enabled=True, batch_size=batch_size, **way)
        configured = settings_for(dsn, tmp_path)
        with opened(configured, "test") as database:
            if held:
                holds.add(database, Hold("because", since=from_time, to=to_time))
            seen = preview(database, policy, now=NOW)
            work = purge(database, policy, now=NOW, execute=True, connect=lambda: opened(configured, "test"))
            result = drive(work, lambda _: None)
        left = {row[0] for row in connection.execute("select id from audit_changes")}
        parents = {row[0] for row in connection.execute("select id from audit_transactions")}
    assert left == kept
    assert parents == lived | (already_empty if way == {"sweep": "never"} else set())
    assert (result.deleted_changes, result.held_changes) == (seen.expired_changes, seen.held_changes)
    assert result.deleted_transactions == seen.emptied_transactions + seen.already_empty_transactions
    assert result.outcome == "complete"
