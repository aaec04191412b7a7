"""Every way past a row trigger is found, on every kind of key and table, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.continuity import Found, baseline, capture, found, settings_for, verified
from threadline_ops.settings import Settings


@dataclass(frozen=True)
class Kind:
    """A kind of table: how it is made, and how the number n becomes a key."""

    ddl: str
    key: str
    columns: str = "v, n"
    values: str = "'v' || i, i"
    table: str = "things"
    change: str = "v = v || '!'"

    def insert(self, series: str) -> str:
        key = self.key.replace("$", "i")
        return f"insert into {self.table} ({self.keys}, {self.columns}) select {key}, {self.values} from {series} as i"

    @property
    def composite(self) -> bool:
        return "primary key (b, a)" in self.ddl

    @property
    def keys(self) -> str:
        return "a, b" if self.composite else "k"

    def where(self, number: str) -> str:
        return f"({self.keys}) = ({self.key.replace('$', number)})"


_UUID = "md5('k' || $)::uuid"
KINDS = {
    "integer": Kind("create table things (k int primary key, v text, n numeric(10,2))", "$"),
    "bigint": Kind("create table things (k bigint primary key, v text, n int)", "($ - 20)::bigint * 1000000007"),
    "text": Kind("create table things (k text primary key, v text, n int)", "'kéy ' || chr(9) || $ || E'\\n\"'"),
    "uuid": Kind("create table things (k uuid primary key, v text, n int)", _UUID),
    "composite": Kind("create table things (a text, b int, v text, n int, primary key (b, a))", "'x:' || $ % 3, $"),
    "domain": Kind(
        "create domain code as text check (value like 'c%'); create domain small as int not null;"
        " create table things (k code primary key, v text, n small)",
        "'c' || $",
    ),
    "enum": Kind(
        "do $$ begin execute 'create type label as enum (' ||"
        " (select string_agg(quote_literal('L' || 100 - i), ', ') from generate_series(1, 80) i) || ')'; end $$;"
        " create table things (k label primary key, v text, n int)",
        "('L' || 100 - $)::label",
    ),
    "array": Kind(
        "create table things (k int primary key, v text[], n int[][])", "$",
        values="array[null, 'v' || i, ''], array[[i], [i]]", change="v = v || '!'::text",
    ),
    "range": Kind(
        "create table things (k int4range primary key, v tstzrange, n nummultirange)", "int4range($, $ + 5)",
        values="tstzrange(timestamptz '2024-01-01Z' + i * interval '1 hour', null), '{[1.0,2.50)}'",
        change="v = tstzrange(lower(v) + interval '1 s', 'infinity')",
    ),
    "generated": Kind(
        "create table things (k int generated always as identity primary key, v text,"
        " n int, s text generated always as (v || '-' || n) stored)",
        "$",
    ),
    "virtual": Kind(
        "create table things (k int primary key, v text, n int, s text generated always as (v || '-' || n) virtual)",
        "$",
    ),
    "timestamptz": Kind(
        "create table things (k timestamptz primary key, v timestamptz, n interval)",
        "timestamptz '2024-01-01Z' + $ * interval '1.000001 day'",
        values="case when i = 7 then 'infinity'::timestamptz when i = 8 then '0044-03-15 BC' else"
        " '2024-01-01Z' end, i * interval '1 mon 2 days 3.5 s'",
        change="v = coalesce(nullif(v, 'infinity'), '2025-01-01Z') + interval '1 s'",
    ),
    "float": Kind(
        "create table things (k float8 primary key, v float8, n float4)", "$ / 7.0::float8 * 1e20",
        values="case when i % 2 = 0 then 'NaN' else -0.0::float8 end, i / 3.0",
        change="v = coalesce(nullif(v, 'NaN'), 0) + 0.1",
    ),
    "partitioned": Kind(
        "create table things (a text, b int, v text, n int, primary key (b, a)) partition by range (b);"
        " create table things_low partition of things for values from (minvalue) to (20);"
        " create table things_high partition of things for values from (20) to (1000)",
        "'p', $",
    ),
    "inherited": Kind(
        "create table things (k int primary key, v text, n int); create table child (primary key (k)) inherits"
        " (things); insert into child select 1000 + i, 'child', i from generate_series(1, 9) i",
        "$",
    ),
    "json": Kind(
        "create table things (k int primary key, v json, n jsonb)", "$",
        values="""'{"b": 1.0,   "a": [1, {"z": null}]}', '{"x": 1.10}'""", change="v = json_build_object('c', v)",
    ),
    "clashing names": Kind(
        "create table things (k int primary key, v text, n int, t int, u int, c int, l int, p int, r int, relation int,"
        " place int, change int, data int, differs int, ctid_ int)",
        "$",
    ),
    "oddly named": Kind(
        """create schema "S.x"; create table "S.x"."T%s "" é" (k int primary key, v text, n int)""", "$",
        table='"S.x"."T%s "" é"',
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Scene:
    kind: Kind
    settings: Settings
    connection: psycopg.Connection
    name: str

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement)

    def update(self, number: int) -> str:
        return f"update {self.kind.table} set {self.kind.change} where {self.kind.where(str(number))}"

    def delete(self, number: int) -> str:
        return f"delete from {self.kind.table} where {self.kind.where(str(number))}"

    def insert(self, number: int) -> str:
        statement = self.kind.insert(f"generate_series({number}, {number})")
        return statement.replace(") select", ") overriding system value select", 1) if self.identity else statement

    @property
    def identity(self) -> bool:
        return "identity" in self.kind.ddl

    def key(self, number: int) -> tuple[str, ...]:
        """The text of a key as capture writes it, in the order of the key's columns."""
        order = ("b", "a") if self.kind.composite else ("k",)
        columns = ", ".join(f"to_jsonb({name}) #>> '{{}}'" for name in order)
        select = f"select {columns} from (select {self.kind.key.replace('$', str(number))}) as t ({self.kind.keys})"
        with self.connection.transaction():
            self.run("set local time zone 'UTC'", "set local extra_float_digits = 1")
            row = self.connection.execute(select).fetchone()
        assert row is not None
        return tuple(row)


#: The others are proved in the thorough extent.
USUAL = ("integer", "uuid", "composite", "domain", "generated", "partitioned")


@pytest.fixture(params=[pytest.param(name, marks=() if name in USUAL else pytest.mark.thorough) for name in KINDS])
def scene(request: pytest.FixtureRequest, audited: str, connection: psycopg.Connection, tmp_path: Path) -> Scene:
    """40 rows from before T0, a baseline, and captured changes of all sorts after it."""
    kind = KINDS[request.param]
    settings = settings_for(audited, tmp_path)
    name = kind.table
    made = Scene(kind, settings, connection, name)
    series = kind.insert("generate_series(1, 40)")
    connection.execute(kind.ddl)
    connection.execute(series.replace(") select", ") overriding system value select", 1) if made.identity else series)
    capture(settings, name)
    assert baseline(settings, name).rows == 40
    # Sessions that render differently must make no difference.
    made.run("set timezone = 'Asia/Kolkata'", "set intervalstyle = 'sql_standard'", "set bytea_output = 'escape'")
    made.run(made.update(3), made.update(3), made.update(30), made.delete(4), made.delete(31))
    made.run(made.insert(41), made.insert(4), made.insert(42), made.delete(42), made.delete(40))
    return made


REPLICA = ("set session_replication_role = replica", "set session_replication_role = origin")


def past(scene: Scene, *statements: str) -> None:
    scene.run(REPLICA[0], *statements, REPLICA[1])


def changed_columns(scene: Scene) -> tuple[str, ...]:
    return ("v", "s") if "stored" in scene.kind.ddl else ("v",)


def test_what_was_captured_is_no_finding_and_each_write_past_capture_is_one(scene: Scene, tmp_path: Path):
    clean = verified(scene.settings, scene.name)
    assert found(clean) == set()
    assert (clean.rows, clean.whole, sum(clean.counts.values())) == (39, True, 0)
    past(scene, scene.update(1), scene.update(30), scene.delete(2), scene.delete(3), scene.insert(50), scene.insert(40))
    columns = changed_columns(scene)
    result = verified(scene.settings, scene.name)
    assert found(result) == {
        Found("bypassed", scene.key(1), columns),
        Found("bypassed", scene.key(30), columns),
        Found("vanished", scene.key(2), ()),
        Found("vanished", scene.key(3), ()),
        Found("appeared", scene.key(50), ()),
        Found("appeared", scene.key(40), ()),
    }
    assert result.gaps == 6
    assert (result.since, result.until) == (clean.at, result.at), "it was whole at the verification before"
    _without_a_baseline(scene, tmp_path / "no", columns)


def _without_a_baseline(scene: Scene, place: Path, columns: tuple[str, ...]) -> None:
    """Rows from before T0 are unknown, and what was captured still holds."""
    assert scene.settings.archive_uri is not None
    empty = scene.settings.model_copy(update={"archive_uri": type(scene.settings.archive_uri)(str(place))})
    result = verified(empty, scene.name)
    assert {f for f in found(result) if f.kind != "unknown"} == {
        Found("bypassed", scene.key(30), columns),
        Found("vanished", scene.key(3), ()),
        Found("appeared", scene.key(40), ()),
    }
    assert result.counts["unknown"] == 35, "rows 1 and 5 to 39 but for 30 and 31, and row 50"


def _truncated(scene: Scene) -> str:
    return f"truncate {'only ' if 'child' in scene.kind.ddl else ''}{scene.kind.table}"


def _truncate(scene: Scene) -> int:
    past(scene, _truncated(scene))
    return 39


def _disabled(scene: Scene) -> int:
    scene.run(f"alter table {scene.kind.table} disable trigger user", scene.update(1), scene.delete(2))
    scene.run(f"alter table {scene.kind.table} enable trigger user", scene.update(5))
    return 2


def _swapped(scene: Scene) -> int:
    """A copy takes the table's place, with one row changed, as migrations do."""
    if scene.kind.table != "things" or "identity" in scene.kind.ddl or "child" in scene.kind.ddl:
        return _truncate(scene)
    values = "v, n"
    scene.run(
        "create table copy (like things including all)",
        f"insert into copy ({scene.kind.keys}, {values}) select {scene.kind.keys}, {values} from things",
        "alter table things rename to former",
        "alter table copy rename to things",
        scene.update(1),
    )
    return 1


def _dropped_trigger(scene: Scene) -> int:
    triggers = scene.connection.execute(
        "select tgname from pg_trigger where tgrelid = %s::regclass and not tgisinternal", (scene.kind.table,)
    ).fetchall()
    for (name,) in triggers:
        quoted = name.replace('"', '""')
        scene.run(f'drop trigger "{quoted}" on {scene.kind.table}')
    scene.run(scene.insert(60), scene.insert(61))
    return 2


def _bulk_load(scene: Scene) -> int:
    """A load as superuser with triggers off: the rows of an update, and new ones."""
    past(scene, scene.insert(57), scene.insert(58), scene.insert(59))
    return 3


def test_a_captured_truncate_is_a_delete_of_every_row(scene: Scene):
    scene.run(_truncated(scene), scene.insert(3))
    result = verified(scene.settings, scene.name)
    assert found(result) == set()
    assert result.rows == 1


@pytest.mark.parametrize("way", [_truncate, _disabled, _swapped, _dropped_trigger, _bulk_load])
def test_each_way_past_a_trigger_is_found(scene: Scene, way: Callable[[Scene], int]):
    expected = way(scene)
    result = verified(scene.settings, scene.name)
    assert result.gaps == expected
    assert result.counts["unknown"] == 0


@pytest.mark.pooled
def test_rows_copied_into_a_detached_partition_are_found(audited, connection, tmp_path):
    settings = settings_for(audited, tmp_path)
    connection.execute(KINDS["partitioned"].ddl)
    connection.execute(KINDS["partitioned"].insert("generate_series(1, 30)"))
    capture(settings, "things")
    baseline(settings, "things")
    connection.execute("alter table things detach partition things_high")
    with connection.cursor() as cursor, cursor.copy("copy things_high (a, b, v, n) from stdin") as copy:
        copy.write_row(("p", 500, "new", 1))
    connection.execute("update things_high set v = 'other' where b = 25")
    connection.execute("alter table things attach partition things_high for values from (20) to (1000)")
    assert found(verified(settings, "things")) == {
        Found("appeared", ("500", "p"), ()),
        Found("bypassed", ("25", "p"), ("v",)),
    }


def test_a_detached_partition_takes_its_rows_along(audited, connection, tmp_path):
    settings = settings_for(audited, tmp_path)
    connection.execute(KINDS["partitioned"].ddl)
    connection.execute(KINDS["partitioned"].insert("generate_series(1, 30)"))
    capture(settings, "things")
    baseline(settings, "things")
    connection.execute("alter table things detach partition things_high")
    result = verified(settings, "things")
    assert result.counts["vanished"] == 11
    assert result.gaps == 11
