"""What a Parquet export holds is what the database holds, whatever was captured."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.audit import settings_for
from tests.awkward import add
from tests.integration.test_export_parquet import expected, rows_of
from threadline_ops.export import Filters, export_parquet
from threadline_ops.progress import drive

#: Hypothesis wants them naive, and adds the zone.
FIRST, LAST = datetime.fromisoformat("0001-01-02"), datetime.fromisoformat("9999-12-30")
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=4)
CHANGES = st.lists(
    st.fixed_dictionaries(
        {
            "data": st.none() | OBJECTS,
            "table": TEXT.filter(bool),
            "pk": OBJECTS,
            "fields": st.none() | st.lists(TEXT, max_size=3),
            "before": st.none() | OBJECTS,
            "source": st.none() | TEXT,
            "meta": st.none() | OBJECTS,
            "correlation": st.none() | TEXT,
            "at": st.sampled_from([datetime(2026, 5, 1, tzinfo=UTC) + timedelta(microseconds=n) for n in range(3)])
            | st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
        }
    ),
    max_size=6,
)


@given(changes=CHANGES)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_parquet_equals_the_database(audited: str, connection: psycopg.Connection, tmp_path: Path, changes):
    connection.execute("truncate audit_changes, audit_transactions, audit_actions")
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    for change in changes:
        add(connection, **change)
    drive(export_parquet(settings_for(audited, tmp_path), Filters(), str(tmp_path / "out")), lambda _: None)
    assert rows_of(tmp_path / "out") == expected(connection)
