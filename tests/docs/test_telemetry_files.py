"""Dashboard, rules and page name the metrics that the code has, and link to runbooks that exist."""

import json
import re
from pathlib import Path

import pytest
import yaml

from threadline_ops.telemetry import FIGURES
from threadline_ops.telemetry.instruments import COMMITTED, DURATION, RECORDED

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy/telemetry"
_UNITS = {"s": "_seconds", "By": "_bytes"}


def prometheus_names() -> set[str]:
    """The names under which Prometheus knows the metrics, by OpenTelemetry's rules of translation."""
    names = {
        measure.name.replace(".", "_") + _UNITS.get(measure.unit, "") + ("_total" if measure.kind == "counter" else "")
        for measure in FIGURES
    }
    counters = ("threadline.transaction.committed", "threadline.action.recorded")
    duration = "threadline_operation_duration_seconds"
    return (
        names
        | {f"{name.replace('.', '_')}_total" for name in counters}
        | {f"{duration}_{part}" for part in ("count", "sum", "bucket")}
    )


def test_instruments_of_their_own_are_there():
    assert all((COMMITTED, DURATION, RECORDED))


@pytest.mark.parametrize("file", ["grafana-dashboard.json", "rules.yaml"])
def test_every_metric_in_a_query_exists(file: str):
    text = (DEPLOY / file).read_text()
    used = set(re.findall(r"\bthreadline_[a-z_]+(?=[{)\[ ,]|$)", text, re.MULTILINE))
    labels = {"threadline_operation", "threadline_outcome", "threadline_severity", "threadline_status"}
    assert len(used - labels) > 3
    assert used - labels <= prometheus_names()


def test_the_dashboards_panels_are_whole():
    document = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    assert len({panel["id"] for panel in document["panels"]}) == len(document["panels"]) == 12
    for panel in document["panels"]:
        assert panel["targets"][0]["expr"].count("(") == panel["targets"][0]["expr"].count(")")
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24


def test_rules_link_to_runbooks():
    groups = yaml.safe_load((DEPLOY / "rules.yaml").read_text())["groups"]
    for rule in groups[0]["rules"]:
        assert (ROOT / rule["annotations"]["runbook"]).exists(), rule["alert"]


def test_the_collector_remembers_totals_from_one_weekly_run_to_the_next():
    collector = yaml.safe_load((DEPLOY / "collector.yaml").read_text())
    week = 7 * 24
    for kept in (
        collector["processors"]["deltatocumulative"]["max_stale"],
        collector["exporters"]["prometheus"]["metric_expiration"],
    ):
        assert int(kept.removesuffix("h")) > week, "both forget after five minutes by default"


def test_the_page_lists_every_metric():
    page = (ROOT / "docs/telemetry.md").read_text()
    for name in {measure.name for measure in FIGURES} | {"threadline.operation.duration"}:
        assert f"`{name}`" in page
