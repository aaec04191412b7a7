"""The health report in Dagster: its checks fail for what somebody must look at, and its metadata plots."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from assets.health import HEALTH_REPORT
from jobs.definitions import build, defs
from tests.audited_world import TABLES
from threadline_ops.evidence import Store, records
from threadline_ops.settings import load

HEALTHY = {
    "every_audited_table_is_healthy": True,
    "nothing_is_overdue": True,
    "no_last_run_failed": True,
    "the_disk_lasts": True,
}


@pytest.fixture(autouse=True)
def environment(healthy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "threadline.toml").write_text(
        f"""
        [coverage]
        expected_tables = [{", ".join(f'"public.{name}"' for name in TABLES)}]
        disk_budget_gb = 1
        disk_warning_days = 1
        [capture.tables."lines"]
        typed_pk = true
        [capture.tables."public.customers"]
        mask = ["email"]
        exclude = ["passport"]
        except_columns = ["updated_at"]
        store_changed_from = true
        [retention]
        enabled = true
        keep_days = 90
        [evidence]
        directory = "{tmp_path / "evidence"}"
        """
    )
    monkeypatch.setenv("THREADLINE_OPS_CONFIG", str(tmp_path / "threadline.toml"))
    monkeypatch.setenv("THREADLINE_OPS_DSN", healthy)


def run(instance: dg.DagsterInstance, job: str = "health_check", **config: object) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(job).execute_in_process(instance=instance, run_config=config or None)


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {evaluation.check_name: evaluation.passed for evaluation in result.get_asset_check_evaluations()}


def test_it_is_green_then_red_for_each_break_and_green_again(
    healthy_directly: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with dg.DagsterInstance.ephemeral() as instance, psycopg.connect(healthy_directly, autocommit=True) as connection:
        connection.execute("analyze")
        run(instance, "retention_purge")
        assert checks(run(instance)) == HEALTHY

        connection.execute("alter table orders disable trigger threadline_audit_orders")
        red = run(instance)
        assert checks(red) == HEALTHY | {"every_audited_table_is_healthy": False}
        (wrong,) = [e for e in red.get_asset_check_evaluations() if not e.passed]
        assert wrong.severity is dg.AssetCheckSeverity.ERROR
        assert "docs/runbooks/the-trigger-fires-on-every-row-change.md" in str(wrong.metadata["found"].value)
        connection.execute("alter table orders enable trigger threadline_audit_orders")

        monkeypatch.setenv("THREADLINE_OPS_COVERAGE__DISK_WARNING_DAYS", "1000000000")
        assert checks(run(instance)) == HEALTHY | {"the_disk_lasts": False}
        monkeypatch.delenv("THREADLINE_OPS_COVERAGE__DISK_WARNING_DAYS")

        monkeypatch.setenv("THREADLINE_OPS_RETENTION__ENABLED", "false")
        purge = {"purge_expired_changes": {"config": {"mode": "execute"}}}
        defs.resolve_job_def("retention_purge").execute_in_process(
            instance=instance, run_config={"ops": purge}, raise_on_error=False
        )
        assert checks(run(instance)) == HEALTHY | {"no_last_run_failed": False}
        monkeypatch.setenv("THREADLINE_OPS_RETENTION__ENABLED", "true")
        result = defs.resolve_job_def("retention_purge").execute_in_process(
            instance=instance, run_config={"ops": purge}
        )
        assert result.success
        assert checks(run(instance)) == HEALTHY


def test_a_missed_purge_raises_the_alarm(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("THREADLINE_OPS_BUDGETS__RETENTION_PREVIEW", "30")
    with dg.DagsterInstance.ephemeral() as instance:
        run(instance, "retention_purge")
        assert checks(run(instance)) == HEALTHY

        class Later(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(UTC) + timedelta(hours=31)

        monkeypatch.setattr("assets.health.datetime", Later)
        assert checks(run(instance)) == HEALTHY | {"nothing_is_overdue": False}


def test_numbers_plot_and_charts_are_images_of_modest_size():
    with dg.DagsterInstance.ephemeral() as instance:
        run(instance, "retention_purge")
        run(instance, "coverage_check")
        result = run(instance)
    (event,) = result.asset_materializations_for_node(HEALTH_REPORT.path[0])
    metadata = event.metadata
    for name in ("problems", "tables_healthy", "bytes", "changes_last_day", "backlog_ok"):
        assert isinstance(metadata[name].value, int), name
    assert metadata["tables_healthy"].value == len(TABLES)
    summary = str(metadata["summary"].value)
    assert "![chart](data:image/svg+xml;base64," in summary
    assert "<svg" not in summary, "the UI strips it"
    assert "| Purge preview | ok |" in summary
    assert len(summary) < 12_000, "every data URI is stored with its event"
    assert Path(str(metadata["page"].value)).exists()


def test_its_record_asks_for_no_other_rendering_and_is_one_of_the_chain(tmp_path: Path):
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(instance)
    (record,) = records(Store(tmp_path / "evidence"))
    assert (record.operation, record.run_id, record.outcome) == ("health_check", result.run_id, "complete")


def test_budgets_of_the_settings_reach_the_report(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("THREADLINE_OPS_SCHEDULES__RETENTION_PURGE", "15 2 * * *")
    on = build(load()).resolve_schedule_def("retention_purge_nightly")
    assert on.default_status is dg.DefaultScheduleStatus.RUNNING
