"""CSV, JSON and NDJSON as Threadline writes them, on values that break naive writers."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from tests.audit import bulk, settings_for
from tests.awkward import START, VALUES, add, fill
from threadline_ops.cli import app
from threadline_ops.errors import ExportError, SettingsError
from threadline_ops.export import ExportRequest, Filters, run_export
from threadline_ops.settings import Settings

pytestmark = pytest.mark.pooled

HEADER = (
    "id,transaction_id,table_schema,table_name,op,captured_at,table_pk,data_after,changed_fields,changed_from,"
    "transaction_json"
)


@pytest.fixture
def settings(audited: str, tmp_path: Path) -> Settings:
    return settings_for(audited, tmp_path / "evidence")


def exported(settings: Settings, path: Path, kind: str, **more) -> str:
    report = run_export(settings, ExportRequest(str(path), format=kind, **more))
    manifest = json.loads(path.with_name(path.name + ".manifest.json").read_text())
    assert manifest["rows"] == report.result.rows
    assert manifest["files"][0]["size"] == path.stat().st_size
    assert not list(path.parent.glob("*.partial"))
    return path.read_bytes().decode()


def captured(connection: psycopg.Connection) -> list[dict]:
    """What the documents must say, by PostgreSQL's own reckoning."""
    rows = connection.execute(
        """
        select c.id::text, c.transaction_id::text, c.table_schema, c.table_name, c.op,
            to_char(c.captured_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            coalesce(c.table_pk, '{}'), c.data_after, coalesce(to_jsonb(c.changed_fields), '[]'),
            coalesce(c.changed_from, '{}'),
            jsonb_build_object('id', t.id, 'occurred_at',
                to_char(t.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                'actor_ref', t.actor_ref, 'source', t.source),
            case when a.id is not null
                then jsonb_build_object('id', a.id, 'correlation_id', a.correlation_id) end
        from audit_changes c join audit_transactions t on t.id = c.transaction_id
        left join audit_actions a on a.id = t.action_id order by c.captured_at desc, c.id desc
        """
    ).fetchall()
    names = (*HEADER.removesuffix("_json").split(","), "action")
    return [{k: v for k, v in zip(names, row, strict=True) if (k, v) != ("action", None)} for row in rows]


def test_json_is_the_envelope_with_every_change(settings, connection, tmp_path):
    fill(connection)
    document = json.loads(exported(settings, tmp_path / "x.json", "json"))
    assert list(document) == ["format_version", "generated_at", "changes"]
    assert document["format_version"] == 1
    assert document["generated_at"].endswith("Z")
    assert document["changes"] == captured(connection)
    assert any(change["data_after"] is None for change in document["changes"])
    assert all(change["changed_fields"] is not None for change in document["changes"])


def test_ndjson_is_one_object_a_line(settings, connection, tmp_path):
    fill(connection)
    text = exported(settings, tmp_path / "x.ndjson", "ndjson")
    assert text.endswith("}\n")
    assert [json.loads(line) for line in text.removesuffix("\n").split("\n")] == captured(connection)


def test_csv_has_threadlines_columns_and_rules(settings, connection, tmp_path):
    fill(connection)
    text = exported(settings, tmp_path / "x.csv", "csv")
    assert text.startswith(HEADER + "\r\n")
    csv.field_size_limit(10_000_000)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    wanted = captured(connection)
    assert len(rows) == len(wanted)
    for row, want in zip(rows, wanted, strict=True):
        for name in ("id", "transaction_id", "table_schema", "table_name", "op", "captured_at"):
            assert row[name] == want[name]
        for name in ("table_pk", "changed_fields", "changed_from"):
            assert json.loads(row[name]) == want[name]
        assert json.loads(row["data_after"]) == (want["data_after"] or {})
        assert json.loads(row["transaction_json"]) == want["transaction"]


def test_csv_golden(settings, connection, tmp_path):
    add(connection, data={"a": 'x,"y"'}, table="a,b", pk={"id": 7}, fields=["a"], actor={"type": "anonymous"})
    change, transaction = connection.execute("select id, transaction_id from audit_changes").fetchone()
    text = exported(settings, tmp_path / "x.csv", "csv", action_metadata=True)
    assert text == (
        HEADER + ",correlation_id,action_id\r\n"
        f'{change},{transaction},public,"a,b",update,2026-05-01T23:59:59.999990Z,"{{""id"": 7}}",'
        '"{""a"": ""x,\\""y\\""""}","[""a""]",{},'
        f'"{{""id"":""{transaction}"",""occurred_at"":""2026-05-01T23:59:59.999990Z"",'
        '""actor_ref"":{""type"": ""anonymous""},""source"":null}",,\r\n'
    )


def test_numbers_keep_every_digit(settings, connection, tmp_path):
    change = add(connection, data={})
    number = "12345678901234567890.123456789012345678900"
    connection.execute(
        "update audit_changes set data_after = jsonb_build_object('n', %s::numeric) where id = %s", (number, change)
    )
    for kind in ("json", "ndjson", "csv"):
        assert number in exported(settings, tmp_path / f"x.{kind}", kind)


def test_empty_documents(settings, connection, tmp_path):
    assert exported(settings, tmp_path / "x.csv", "csv") == HEADER + "\r\n"
    assert json.loads(exported(settings, tmp_path / "x.json", "json"))["changes"] == []
    assert exported(settings, tmp_path / "x.ndjson", "ndjson") == ""


def test_the_cap_is_loud_and_keeps_the_newest(settings, connection, tmp_path, monkeypatch):
    bulk(connection, transactions=10, per_transaction=3, days=3, now=datetime.now(UTC))
    report = run_export(settings, ExportRequest(str(tmp_path / "x.json"), format="json", max_rows=7))
    assert report.result.truncated
    assert json.loads((tmp_path / "x.json.manifest.json").read_text())["truncated"] is True
    changes = json.loads((tmp_path / "x.json").read_text())["changes"]
    assert [change["id"] for change in changes] == [change["id"] for change in captured(connection)[:7]]
    exact = run_export(settings, ExportRequest(str(tmp_path / "y.json"), format="json", max_rows=30))
    assert not exact.result.truncated
    monkeypatch.setenv("THREADLINE_OPS_DSN", settings.dsn.get_secret_value())
    monkeypatch.chdir(tmp_path)
    for extra, status in (([], 1), (["--allow-truncated"], 0)):
        done = CliRunner().invoke(
            app, ["export", "-o", f"{status}.csv", "--format", "csv", "--max-rows", "5", "--json", *extra]
        )
        assert done.exit_code == status
        assert "truncated" in done.stderr
        assert json.loads(done.stdout)["result"]["truncated"] is True


def test_times_are_inclusive_at_both_ends(settings, connection, tmp_path):
    for step in range(4):
        add(connection, data={"step": step}, at=START + timedelta(microseconds=step))
    filters = Filters(since=START + timedelta(microseconds=1), until=START + timedelta(microseconds=2))
    document = json.loads(exported(settings, tmp_path / "x.json", "json", filters=filters))
    assert [change["data_after"]["step"] for change in document["changes"]] == [2, 1]


def test_nothing_is_overwritten_and_failures_leave_nothing(settings, connection, tmp_path):
    (tmp_path / "x.csv").write_text("mine")
    with pytest.raises(ExportError, match="exists already"):
        run_export(settings, ExportRequest(str(tmp_path / "x.csv"), format="csv"))
    assert (tmp_path / "x.csv").read_text() == "mine"
    with pytest.raises(SettingsError, match="max_rows"):
        ExportRequest("x", max_rows=5)
    connection.execute("alter table audit_changes drop column changed_from")
    with pytest.raises(Exception, match=r"lacks audit_changes\.changed_from"):
        run_export(settings, ExportRequest(str(tmp_path / "y.csv"), format="csv"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evidence", "x.csv"]
    assert len(VALUES) == 9
