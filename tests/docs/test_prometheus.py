"""What deploy/ gives Prometheus and Grafana, judged by Prometheus' own tool: syntax, every query, and when each rule fires."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import debian

DEPLOY = Path(__file__).parents[2] / "deploy/telemetry"
PACKAGE = debian.Package(
    "prometheus",
    ("promtool",),
    "promtool is needed and was not found; install it (apt install prometheus, brew install prometheus) or put it on PATH",
)
PRODUCTION = {"deployment_environment_name": "production"}
Promtool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def promtool() -> Promtool:
    def unpacked() -> str | None:
        found = PACKAGE.unpacked("usr/bin/promtool")
        return str(found[0]) if found else None

    # Unpacked before installed: the package would start a server.
    program = PACKAGE.required(PACKAGE.on_path, unpacked, PACKAGE.installed)

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [program, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    return run


def written(path: Path, content: Any) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path


def rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "rules.yaml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


@pytest.mark.thorough
def test_prometheus_takes_configuration_and_rules(promtool: Promtool, tmp_path: Path):
    checked = promtool("check", "config", DEPLOY / "prometheus.yaml")
    assert checked.returncode == 0, checked.stderr
    assert f"SUCCESS: {len(rules())} rules found" in checked.stdout
    broken = written(tmp_path / "broken.yaml", {"scrape_config": []})
    assert promtool("check", "config", broken).returncode != 0


@pytest.mark.thorough
def test_every_query_of_the_dashboard_is_promql(promtool: Promtool, tmp_path: Path):
    panels = json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]
    queries = [target["expr"].replace("$environment", ".*") for panel in panels for target in panel["targets"]]
    assert len(queries) >= len(panels)

    def checked(found: list[str]) -> subprocess.CompletedProcess[str]:
        recorded = [{"record": f"query:{place}", "expr": query} for place, query in enumerate(found)]
        return promtool("check", "rules", written(tmp_path / "q.yaml", {"groups": [{"name": "q", "rules": recorded}]}))

    assert checked(queries).returncode == 0, checked(queries).stderr
    assert checked([*queries, "sum(rate(threadline_x))"]).returncode != 0, "a range is missing"


FAILED = {"threadline_operation": "retention_purge", "threadline_outcome": "failed"}
PURGE = {"threadline_operation": "retention_purge"}
#: Alert, metric, its labels, its values a minute, when the rule must fire, and what its labels are then.
FIRING: dict[str, tuple[str, str, dict[str, str], str, str, dict[str, str]]] = {
    "table": ("ThreadlineTableNotCaptured", "threadline_health_violations", {}, "0x5 2x5", "8m", PRODUCTION),
    "finding": (
        "ThreadlineFindings", "threadline_health_findings", {"threadline_severity": "P0"}, "0x5 2x5", "8m", PRODUCTION,
    ),
    "behind": ("ThreadlinePurgeFallsBehind", "threadline_purge_remaining", {}, "2x3000", "40h", PRODUCTION),
    "first failure": (
        "ThreadlineRunFailed", "threadline_operation_duration_seconds_count", FAILED, "_x5 1x90", "8m", PURGE,
    ),
    "another failure": (
        "ThreadlineRunFailed", "threadline_operation_duration_seconds_count", FAILED, "1x90 2x20", "100m", PURGE,
    ),
}  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("case", FIRING)
def test_each_rule_fires_when_it_should_and_not_before(promtool: Promtool, tmp_path: Path, case: str):
    alert, metric, labels, values, at, kept = FIRING[case]
    quiet = "80m" if case == "another failure" else "2m"
    rule = rules()[alert]
    names = ",".join(f'{name}="{value}"' for name, value in (PRODUCTION | labels).items())
    said = re.sub(r"{{ \$labels\.(\w+) }}", lambda found: kept[found[1]], rule["annotations"]["summary"])
    said = said.replace("{{ $value }}", "2")
    fires = {"exp_labels": rule["labels"] | kept, "exp_annotations": rule["annotations"] | {"summary": said}}

    def tested(*moments: tuple[str, list[Any]]) -> subprocess.CompletedProcess[str]:
        times = [{"eval_time": time, "alertname": alert, "exp_alerts": expected} for time, expected in moments]
        series = [{"series": f"{metric}{{{names}}}", "values": values}]
        test = {"interval": "1m", "input_series": series, "alert_rule_test": times}
        return promtool(
            "test", "rules", written(tmp_path / "t.yaml", {"rule_files": [str(DEPLOY / "rules.yaml")], "tests": [test]})
        )

    good = tested((quiet, []), (at, [fires]))
    assert good.returncode == 0, good.stdout + good.stderr
    assert tested((at, [])).returncode != 0, "the tool would notice"


def test_every_rule_is_tried():
    assert {case[0] for case in FIRING.values()} == set(rules())
