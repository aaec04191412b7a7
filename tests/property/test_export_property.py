"""What a Parquet export holds is what the database holds, whatever was captured."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.audit import settings_for
from tests.awkward import add
from tests.integration.test_export_parquet import expected, rows_of
from threadline_ops.export import Filters, columns, export_parquet
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


@given(st.lists(st.none() | TEXT, min_size=1))
def test_text_columns_survive_concatenation(values):
    encoded = b"\xff".join(b"\xfe" if value is None else value.encode() for value in values)
    assert columns.text([encoded], len(values)).to_pylist() == values


@given(st.lists(st.none() | OBJECTS, min_size=1))
def test_json_columns_survive_concatenation_and_large_values_are_noticed(values):
    texts = ["" if value is None else json.dumps(value) for value in values]
    encoded = "\x01".join(texts).encode()
    assert columns.json_text([encoded], len(values)).to_pylist() == [text or None for text in texts]
    assert not columns.marked(encoded)
    assert columns.marked(encoded + b"\x01!")
    assert columns.marked(b"!\x01" + encoded)


@given(st.lists(st.binary(min_size=16, max_size=16), min_size=1))
def test_runs_and_samples_of_ids(ids):
    distinct = columns.distinct_runs(b"".join(ids))
    assert [distinct[n : n + 16] for n in range(0, len(distinct), 16)] == [
        value for n, value in enumerate(ids) if n == 0 or value != ids[n - 1]
    ]
    sampled = columns.sample(distinct, 4)
    assert sampled[:16] == distinct[:16]
    assert sampled[-16:] == distinct[-16:]
    assert columns.array_literal(distinct[:16]) == "{" + distinct[:16].hex() + "}"
