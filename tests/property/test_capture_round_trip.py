"""Replaying audit_changes, and nothing else, gives exactly the live rows."""

import json
import os
from contextlib import suppress
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.capture import capture

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda c: st.lists(c, max_size=2) | st.dictionaries(TEXT, c, max_size=2),
    max_leaves=4,
)
SMALL = st.integers(1, 4)
#: A type, values for a key of it (few, so that statements meet the same rows), and values for other columns.
TYPES: dict[str, tuple[st.SearchStrategy, st.SearchStrategy]] = {
    "integer": (SMALL, st.integers(-(2**31), 2**31 - 1)),
    "bigint": (SMALL, st.integers(-(2**63), 2**63 - 1)),
    "text": (st.sampled_from(["a", "B", "é", "it's", '"q"', "%s{}", ""]), TEXT),
    "numeric": (SMALL, st.just("NaN") | st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str)),
    "double precision": (SMALL, st.floats().map(str)),
    "boolean": (st.booleans(), st.booleans()),
    "timestamptz": (SMALL.map(lambda n: f"2026-01-0{n}T00:00:00.00000{n}+0{n}:00"), st.datetimes().map(str)),
    "bytea": (SMALL.map(lambda n: bytes([n])), st.binary(max_size=8)),
    # JSON's null at the top of a column looks like SQL's in the row's JSON: a limit of the format.
    "jsonb": (SMALL.map(str), JSON.filter(lambda value: value is not None).map(json.dumps)),
    "text[]": (SMALL.map(lambda n: [str(n)]), st.lists(TEXT | st.none(), max_size=3)),
    "interval": (
        SMALL.map(lambda n: f"{n} mons"),
        st.integers(-9999, 9999).map(lambda n: f"{n} mons {-n} days {n * 7} secs"),
    ),
    "int4range": (SMALL.map(lambda n: f"[{n},{n + 1})"), SMALL.map(lambda n: f"({n},)")),
}
NAMES = st.sampled_from(["id", "Ünï", 'q"uote', "sp ace", "per%cent", "{brace}", "new", "v_old", "x" * 63])


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[tuple[str, str]], int, dict[str, Any]]:
    columns = draw(
        st.lists(st.tuples(NAMES, st.sampled_from(sorted(TYPES))), min_size=1, max_size=5, unique_by=lambda c: c[0])
    )
    options = {
        "typed_pk": draw(st.booleans()),
        "skip_noop": draw(st.booleans()),
        "store_changed_from": draw(st.booleans()),
    }
    return columns, draw(st.integers(1, len(columns))), options


def steps(columns: list[tuple[str, str]], keys: int) -> st.SearchStrategy[list[tuple]]:
    """Statements to run: each an operation and the values it needs, in the order of the columns."""
    value = [TYPES[kind][0] if place < keys else st.none() | TYPES[kind][1] for place, (_, kind) in enumerate(columns)]
    row = st.tuples(*value)
    key = st.tuples(*value[:keys])
    return st.lists(
        st.one_of(
            st.tuples(st.just("insert"), st.lists(row, min_size=1, max_size=3)),
            st.tuples(st.just("update"), key, row),
            st.tuples(st.just("touch"), key, row),
            st.tuples(st.just("shift"), row),
            st.tuples(st.just("delete"), key),
            st.tuples(st.just("truncate")),
        ),
        min_size=1,
        max_size=8,
    )


def run(connection: psycopg.Connection, columns: list[tuple[str, str]], keys: int, step: tuple) -> None:
    typed = [sql.SQL("%s::{}").format(sql.SQL(kind)) for _, kind in columns]
    # psycopg reads % as a parameter wherever it stands, in an identifier as well.
    quoted = [sql.Identifier(name.replace("%", "%%")) for name, _ in columns]
    where = sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(n, v) for n, v in zip(quoted[:keys], typed[:keys], strict=True)
    )
    every = sql.SQL(", ").join(sql.SQL("{} = {}").format(n, v) for n, v in zip(quoted, typed, strict=True))
    if step[0] == "insert":
        for row in step[1]:
            connection.execute(
                sql.SQL("insert into t values ({}) on conflict do nothing").format(sql.SQL(", ").join(typed)), row
            )
    elif step[0] == "update":
        connection.execute(sql.SQL("update t set {} where {}").format(every, where), (*step[2], *step[1]))
    elif step[0] == "touch" and keys < len(columns):
        last = sql.SQL("update t set {} = {} where {}").format(quoted[-1], typed[-1], where)
        connection.execute(last, (step[2][-1], *step[1]))
    elif step[0] == "shift" and columns[0][1] in ("integer", "bigint"):
        connection.execute(sql.SQL("update t set {0} = {0} + 1").format(quoted[0]), ())
    elif step[0] == "delete":
        connection.execute(sql.SQL("delete from t where {}").format(where), step[1])
    elif step[0] == "truncate":
        connection.execute("truncate t")


def replayed(connection: psycopg.Connection) -> list[str]:
    """The rows that the changes alone imply, each as the table's own text."""
    state: dict[str, Any] = {}
    for key, op, after in connection.execute(
        "select table_pk::text, op, data_after::text from audit_changes order by captured_at"
    ):
        if op == "delete":
            state.pop(key, None)
        else:
            state[key] = after
    rows = connection.execute(
        "select jsonb_populate_record(null::t, row)::text from unnest(%s::text[]::jsonb[]) as r (row)",
        (list(state.values()),),
    )
    return sorted(row[0] for row in rows)


@settings(
    max_examples=60,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_replay_gives_exactly_the_live_rows(connection, data):
    columns, keys, options = data.draw(tables())
    connection.execute("drop table if exists t; truncate audit_changes, audit_transactions")
    shape = sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(kind)) for n, kind in columns)
    key = sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns[:keys])
    connection.execute(sql.SQL("create table t ({}, primary key ({}))").format(shape, key))
    capture(connection, "t", **options)
    for step in data.draw(steps(columns, keys)):
        with suppress(psycopg.errors.UniqueViolation, psycopg.errors.NumericValueOutOfRange):
            run(connection, columns, keys, step)
    live = sorted(row[0] for row in connection.execute("select t::text from t"))
    assert replayed(connection) == live
