"""A host with a honeytoken in every redacted column, and everything that the suite writes or says about it."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from tests.capture import capture
from threadline_ops.cli import main

#: A column's type, and a value of it with the column's own token: {t} as text, {d} as digits, {y} as a year.
TYPES = {
    "text": "'{t}'",
    "varchar(40)": "'{t}'",
    "name": "'{t}'",
    "json": """'{{"deep": ["{t}"]}}'""",
    "jsonb": """'{{"{t}": {d}}}'""",
    "jsonb[]": """array['"{t}"'::jsonb]""",
    "text[]": "array['{t}']",
    "text[][]": "array[array['{t}']]",
    "bytea": "'{t}'::bytea",
    "tsvector": "'{t}'",
    "secret_domain": "'{t}'",
    "secret_enum": "'{t}'",
    "secret_pair": "row(1, '{t}')::secret_pair",
    "secret_pair[]": "array[row(1, '{t}')::secret_pair]",
    "secret_range": "secret_range('{t}', null)",
    "numeric": "{d}.{d}",
    "numeric(14, 2)": "{d}.5",
    "integer": "{d}",
    "bigint[]": "array[{d}]",
    "double precision": "{d}.5",
    "uuid": "'11111111-1111-4111-8111-00{d}'",
    "point": "'({d},1)'",
    "date": "'{y}-07-17'",
    "timestamptz": "'{y}-07-17 12:00:00Z'",
    "daterange": "'[{y}-07-17,{y}-07-19)'",
    "interval": "'{y} years'",
}
MASKED, EXCLUDED, ELSEWHERE = range(len(TYPES)), range(50, 50 + len(TYPES)), range(94, 99)
PLANTED = 99
#: The forms that a token may take, the hexadecimal one included.
TOKEN = re.compile(
    r"honey7token(\d\d)x|6[8]6f6e657937746f6b656e3(\d)3(\d)78|1777(\d\d)7770|70(\d\d)(?:-07-17| years|Y)"
)
#: Never redacted: whatever was searched, this shows that there was something to be found.
PLAIN = "plainly visible"


def value(kind: str, number: int) -> str:
    return TYPES[kind].format(t=f"honey7token{number:02}x", d=f"1777{number:02}7770", y=f"70{number:02}")


def tokens(text: str) -> set[int]:
    return {int("".join(filter(None, match.groups()))) for match in TOKEN.finditer(text)}


class Host:
    """A host's database whose secrets are redacted, or, to prove that the search would find them, are not."""

    def __init__(self, connection: psycopg.Connection, *, redacted: bool) -> None:
        self.connection = connection
        columns = {number: kind for numbers in (MASKED, EXCLUDED) for number, kind in zip(numbers, TYPES, strict=True)}
        self.values = {f"c{number}": value(kind, number) for number, kind in columns.items()}
        labels = ", ".join(
            v for v, kind in zip(self.values.values(), columns.values(), strict=True) if kind == "secret_enum"
        )
        connection.execute(
            f"create domain secret_domain as text; create type secret_enum as enum ({labels}, 'other');"
            " create type secret_pair as (a int, b text); create type secret_range as range (subtype = text)"
        )
        wide = ", ".join(f"c{number} {kind}" for number, kind in columns.items())
        connection.execute(
            f"create table wide (id int primary key, plain text, {wide});"
            " create table pair (a int, b text, plain text, c94 jsonb, c95 text, primary key (b, a));"
            " create table loose (plain text, c96 text);"
            " create table parts (id int, day date, plain text, c97 text, c98 numeric, primary key (id, day))"
            " partition by range (day);"
            " create table parts_2026 partition of parts for values from ('2026-01-01') to ('2027-01-01')"
        )
        self.mask = {"wide": [f"c{n}" for n in MASKED], "pair": ["c94"], "loose": ["c96"], "parts": ["c97"]}
        self.exclude = {"wide": [f"c{n}" for n in EXCLUDED], "pair": ["c95"], "parts": ["c98"]}
        if not redacted:
            self.mask = self.exclude = {}
        self.write("before capture")
        for table in ("wide", "pair", "loose", "parts"):
            mask, exclude = self.mask.get(table, ()), self.exclude.get(table, ())
            capture(connection, table, store_changed_from=True, mask=mask, exclude=exclude)

    def write(self, plain: str, first: int = 1) -> None:
        """Rows with every token."""
        text = {number: value("text", number) for number in ELSEWHERE}
        self.connection.execute(
            f"insert into wide (id, plain, {', '.join(self.values)}) select n, '{plain}',"
            f" {', '.join(self.values.values())} from generate_series({first}, {first + 2}) as n;"
            f" insert into pair values ({first}, 'b', '{plain}', {value('jsonb', 94)}, {text[95]});"
            f" insert into loose values ('{plain}', {text[96]});"
            f" insert into parts values ({first}, '2026-05-05', '{plain}', {text[97]}, {value('numeric', 98)})"
        )

    def live(self) -> None:
        """Inserts, updates to and from nothing, updates of keys, deletes and a TRUNCATE, all of them captured."""
        for table in ("wide", "pair", "loose", "parts"):
            secrets = self.values if table == "wide" else {"pair": {"c95"}, "loose": {"c96"}, "parts": {"c97"}}[table]
            self.connection.execute(f"update {table} set plain = '{PLAIN}'")
            self.connection.execute(f"update {table} set {', '.join(f'{name} = null' for name in secrets)}")
        self.write(PLAIN, first=10)
        self.connection.execute(
            "update wide set id = id + 100 where id >= 10; update pair set b = 'c' where a = 10;"
            " delete from wide where id = 110; delete from pair where a = 1; truncate loose, parts"
        )
        self.write(PLAIN, first=20)

    def past_capture(self) -> None:
        """Two writes that no trigger sees."""
        with self.connection.transaction():
            self.connection.execute("set local session_replication_role = replica")
            self.connection.execute(f"update wide set plain = 'x', c0 = {value('text', 0)} where id = 21")
            self.connection.execute("delete from pair where a = 20")

    def refused(self) -> str:
        """Everything that a host is told when a captured write fails."""
        self.connection.execute("alter table audit_changes add constraint full_up check (op <> 'update') not valid")
        with pytest.raises(psycopg.errors.CheckViolation) as caught:
            self.connection.execute("update loose set plain = %s", ("as refused",))
        self.connection.execute("alter table audit_changes drop constraint full_up")
        fields = [str(caught.value), *(str(getattr(caught.value.diag, name)) for name in dir(caught.value.diag))]
        return "\n".join(fields)

    def audit_rows(self) -> str:
        """Every row of the audit tables and of the suite's own."""
        names = self.connection.execute(
            "select c.oid::regclass::text from pg_class as c where c.relkind = 'r' and (c.relname ~ '^audit_'"
            " or c.relnamespace = to_regnamespace('threadline_ops'))"
        ).fetchall()
        assert len(names) > 3
        return "\n".join(
            row for (name,) in names for (row,) in self.connection.execute(f"select t::text from {name} as t")
        )


class Suite:
    """The command line in a directory of its own, and everything that it said."""

    def __init__(self, directory: Path, host: Host, dsn: str, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
        monkeypatch.chdir(directory)
        monkeypatch.setenv("THREADLINE_OPS_DSN", dsn)
        monkeypatch.setenv("THREADLINE_OPS_ARCHIVE_URI", (directory / "archive").as_uri())
        self.directory, self.monkeypatch, self.capsys = directory, monkeypatch, capsys
        self.said = ""
        lines = ["[retention]", "enabled = true", "keep_days = 90", "[continuity]", "chunk_rows = 2", "[coverage]"]
        lines += ['expected_tables = ["wide", "pair", "loose", "parts"]', 'probe_tables = ["wide", "pair"]']
        for table in ("wide", "pair", "loose", "parts"):
            lines += [f"[capture.tables.{table}]", "store_changed_from = true"]
            lines += [f"mask = {json.dumps(host.mask.get(table, []))}"]
            lines += [f"exclude = {json.dumps(host.exclude.get(table, []))}"]
        (directory / "threadline.toml").write_text("\n".join(lines))

    def run(self, *arguments: str, exits: int = 0) -> str:
        self.monkeypatch.setattr("sys.argv", ["threadline-ops", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = "".join(self.capsys.readouterr())
        assert (ended.value.code or 0) == exits, f"{arguments}: {said}"
        self.said += said
        return said

    def everything(self, *outputs: tuple[str, ...]) -> None:
        """Each command that reads captured rows or the host's, in these kinds of output, and some of their errors."""
        for more in outputs:
            self.run("coverage", *more)
            self.run("doctor", *more, exits=1)
            self.run("timeline", *more)
            self.run("history", "pair", "a=10", "b=c", *more)
            self.run("as-of", "pair", "a=10", "b=c", "--at", "2999-01-01T00:00:00Z", *more)
            self.run("continuity-verify", "wide", *more, exits=1)
            self.run("continuity-verify", "pair", *more, exits=1)
            self.run("triggers", "--dry-run", *more)
        for kind in ("parquet", "csv", "json", "ndjson"):
            self.run("export", "--format", kind, "--output", f"out/{kind}/export", "--no-progress")
            self.run("export", "--format", kind, "--output", f"out/{kind}/export", "--no-progress", exits=2)
        self.run("as-of", "wide", "122", "--at", "some day", exits=2)
        self.run("baseline", "loose")
        self.run("archive", "write", "--no-progress")
        self.run("archive", "verify", "--live", "--no-progress")
        self.run("archive", "query", "--table", "pair")
        self.run("health", "--html", ".threadline/health.html", exits=1)
        self.run("purge")
        self.run("purge", "--execute", "--json")

    def files(self, place: str) -> str:
        """Every file below a directory as text: packed ones unpacked, Parquet decoded, and their bytes as well."""
        found = [path for path in sorted((self.directory / place).rglob("*")) if path.is_file()]
        assert found, place
        return "\n".join(text for path in found for text in _texts(path))


def _texts(path: Path) -> Iterator[str]:
    content = path.read_bytes()
    yield content.decode("latin-1")
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content).decode()
    if content[:4] == b"PAR1":
        table = pq.read_table(path)
        yield f"{table.schema}\n{json.dumps(table.to_pylist(), default=str)}"
