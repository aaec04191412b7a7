"""The export as a materialization: typed config, metadata without values, loud truncation."""

import json
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psycopg
import pyarrow.parquet as pq
import pytest

from assets.export import ExportConfig, FilterConfig, Format
from jobs.definitions import defs
from tests.audit import bulk
from tests.awkward import add

pytestmark = pytest.mark.pooled


@pytest.fixture(autouse=True)
def environment(audited: str, connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    bulk(connection, transactions=50, per_transaction=3, days=20, now=datetime.now(UTC))
    add(connection, data={"secret": "hunter2"}, table="planes", actor={"type": "user", "id": "ada"})
    monkeypatch.setenv("THREADLINE_OPS_DSN", audited)
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__DIRECTORY", str(tmp_path / "evidence"))
    monkeypatch.setenv("THREADLINE_OPS_EXPORT__DIRECTORY", str(tmp_path / "exports"))


def run(config: ExportConfig | dict | None = None) -> dg.ExecuteInProcessResult:
    given = config if isinstance(config, dict) else {"ops": {"export_audit_changes": config}} if config else None
    run_config = dg.RunConfig(**given) if isinstance(config, ExportConfig) else given
    with dg.DagsterInstance.ephemeral() as instance:
        job = defs.resolve_job_def("audit_export")
        return job.execute_in_process(run_config=run_config, instance=instance, raise_on_error=False)


def metadata(result: dg.ExecuteInProcessResult) -> dict:
    (event,) = result.get_asset_materialization_events()
    return dict(event.materialization.metadata)


def test_the_default_exports_everything_below_the_settings_directory(tmp_path: Path):
    result = run()
    assert result.success
    shown = metadata(result)
    folder = tmp_path / "exports" / result.run_id
    assert shown["location"].value == str(folder)
    assert shown["dagster/row_count"].value == 151
    assert json.loads((folder / "_manifest.json").read_text())["rows"] == 151
    assert pq.read_table(folder / "part-00000.parquet").num_rows == 151
    assert {r.data["table"]: r.data["changes"] for r in shown["tables"].records} == {
        "public.flights": 150,
        "public.planes": 1,
    }
    assert {c.name: c.type for c in shown["dagster/column_schema"].schema.columns}["captured_at"] == (
        "timestamp[us, tz=UTC]"
    )
    assert "hunter2" not in repr(shown)
    assert (tmp_path / "evidence" / f"{result.run_id}.json").exists()


def test_filters_come_as_typed_config(tmp_path: Path):
    plain = {"ops": {"export_audit_changes": {"config": {"format": "ndjson", "filters": {"from": "2026-05-01T00:00:00Z",
             "to": "2026-05-02T00:00:00Z", "table": "planes", "actor_ref": "user:ada"}}}}}  # fmt: skip
    result = run(plain)
    assert result.success
    assert metadata(result)["dagster/row_count"].value == 1
    assert json.loads((tmp_path / "exports" / f"{result.run_id}.ndjson").read_text())["table_name"] == "planes"


def test_an_unknown_filter_is_refused_before_the_run():
    with pytest.raises(dg.DagsterInvalidConfigError, match="correlation_id"):
        run({"ops": {"export_audit_changes": {"config": {"filters": {"tabel": "x"}}}}})


def test_a_malformed_filter_fails_without_retry():
    result = run(ExportConfig(filters=FilterConfig(correlation_id="x" * 257)))
    failure = result.failure_data_for_node("export_audit_changes")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "longer than 256 bytes" in (failure.user_failure_data.description or "")


def test_truncation_is_loud_but_may_be_allowed():
    assert not run(ExportConfig(format=Format.csv, max_rows=5)).success
    result = run(ExportConfig(format=Format.csv, max_rows=5, allow_truncated=True))
    assert result.success
    assert metadata(result)["truncated"].value is True
