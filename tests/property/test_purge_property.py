"""For any ages, batch sizes and straddling transactions: what survives is exactly what the rule says."""

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.audit import NOW, add_transaction, settings_for
from threadline_ops.database import opened
from threadline_ops.retention import Policy, preview, purge

WINDOW = timedelta(days=30)
CUTOFF = NOW - WINDOW

#: Around the cutoff to the microsecond, and far from it.
offsets = st.one_of(
    st.sampled_from([-1, 0, 1]),
    st.integers(-5, 5).map(lambda days: days * 86_400_000_000),
    st.integers(-(10**13), 10**12),
)
transactions = st.lists(st.lists(offsets, min_size=1, max_size=6), max_size=8)


@pytest.fixture(scope="module")
def dsn(server, audited_template):
    with server.clone(audited_template) as made:
        yield made


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ages=transactions, batch_size=st.integers(1, 7), max_batches=st.integers(1, 100))
def test_survivors_are_exactly_those_not_older_than_the_cutoff(dsn, tmp_path: Path, ages, batch_size, max_batches):
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("truncate audit_transactions cascade")
        kept, lived, touched = set(), set(), set()
        for group in ages:
            moments = [CUTOFF + timedelta(microseconds=offset) for offset in group]
            parent, changes = add_transaction(connection, moments)
            survivors = {c for c, moment in zip(changes, moments, strict=True) if moment >= CUTOFF}
            kept |= survivors
            (lived if survivors else touched).add(parent)
        policy = Policy(window=WINDOW, enabled=True, batch_size=batch_size, max_batches=max_batches)
        with opened(settings_for(dsn, tmp_path), "test") as database:
            seen = preview(database, policy, now=NOW)
            work = purge(database, policy, now=NOW, execute=True)
            events = []
            while True:
                try:
                    events.append(next(work))
                except StopIteration as end:
                    result = end.value
                    break
        left = {row[0] for row in connection.execute("select id from audit_changes")}
        parents = {row[0] for row in connection.execute("select id from audit_transactions")}
        expired = sum(map(len, ages)) - len(kept)
        assert seen.expired_changes == expired
        assert seen.emptied_transactions == len(touched)
        assert kept <= left, "nothing newer than the cutoff goes"
        assert lived <= parents, "no transaction with a change goes"
        assert result.deleted_changes == min(expired, batch_size * max_batches)
        assert result.remaining_changes == expired - result.deleted_changes
        assert result.outcome == ("complete" if left == kept else "capped")
        assert all(event.deleted_changes <= batch_size for event in events)
        referenced = {row[0] for row in connection.execute("select transaction_id from audit_changes")}
        assert parents == referenced, "no emptied transaction remains"
