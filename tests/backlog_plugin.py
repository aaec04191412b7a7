"""What this repository's own tests prove, as CI-class evidence: docs/adoption-pilot-backlog.md.

A test marked `@pytest.mark.backlog("retention.dry_run_before_execute")` is evidence of that row.

- `--backlog-render FILE` brings the document up to date from the tests of this session.
- `--backlog-check FILE` fails the session when a row that the document calls OK has lost a test, or one failed.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from threadline_ops.backlog.catalogue import BY_KEY, CHECKLIST, ROWS, SECTIONS, Row
from threadline_ops.backlog.markdown import marker_of
from threadline_ops.backlog.tables import Table, merge, parse

_PROPERTY = "backlog"
_COLUMNS = ("Key", "Row", "Status", "Class", "Evidence", "Notes")
_OPENING = """# Adoption pilot backlog of this repository

What the tests of this repository prove on made data, as evidence of class CI; the tables are computed from a test run.
What only a host can prove is Not run here: `threadline-ops backlog render` shows it there. Notes are yours and stay.
"""


class BacklogPlugin:
    """Collects the outcomes of marked tests, from the workers of a distributed run as well."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.outcomes: dict[str, dict[str, bool]] = defaultdict(dict)
        self.failures = 0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for marker in item.iter_markers("backlog"):
                for key in marker.args:
                    if key not in BY_KEY:
                        raise pytest.UsageError(f"{item.nodeid}: {key!r} is no row of the backlog")
                    # Reports carry properties from a worker to the session that started it.
                    item.user_properties.append((_PROPERTY, key))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failures += report.failed
        for name, key in report.user_properties:
            if name == _PROPERTY:
                test = report.nodeid.split("[")[0]
                passed = report.outcome == "passed"
                self.outcomes[str(key)][test] = self.outcomes[str(key)].get(test, True) and passed

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(self._config, "workerinput"):
            return
        check, render = self._config.getoption("--backlog-check"), self._config.getoption("--backlog-render")
        if render:
            path = Path(render)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(document(path.read_text() if path.exists() else "", self.outcomes, self.failures))
        if check and (problems := lost(Path(check).read_text(), self.outcomes, self.failures)):
            self._config.stash[_PROBLEMS] = problems
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for problem in self._config.stash.get(_PROBLEMS, []):
            terminalreporter.write_line(f"backlog: {problem}", red=True)


_PROBLEMS = pytest.StashKey[list[str]]()


def document(existing: str, outcomes: dict[str, dict[str, bool]], failures: int) -> str:
    """The document brought up to date."""
    tables = [
        Table(
            marker_of(section),
            f"Checklist {heading}" if section in CHECKLIST else heading,
            "Key",
            _COLUMNS,
            tuple(_cells(row, outcomes.get(row.key, {}), failures) for row in ROWS if row.section == section),
            theirs=frozenset({"Notes"}),
        )
        for section, heading in SECTIONS.items()
    ]
    return merge(existing or _OPENING, tables)


def _cells(row: Row, tests: dict[str, bool], failures: int) -> dict[str, str]:
    if row.key == "parity.tests_pass":
        tests = {"make test": failures == 0}
        pointer = "make test"
    else:
        pointer = f"pytest {' '.join(sorted(tests))}" if tests else ""
    status = "Not run" if not tests else "OK" if all(tests.values()) else "Issue"
    if row.host_only and status == "OK":
        status = "Not run"  # CI shows that the check works, not that the row holds anywhere
    evidenced = {"Status": status, "Class": "CI" if tests else "", "Evidence": pointer}
    return {"Key": row.key, "Row": row.title} | evidenced


def lost(text: str, outcomes: dict[str, dict[str, bool]], failures: int) -> list[str]:
    """Claims of the document that this session does not bear out, each a sentence."""
    found: list[str] = []
    for section in SECTIONS:
        for cells in parse(text, marker_of(section)) or ():
            key, pointer = cells["Key"], cells["Evidence"].split()
            if cells["Status"] not in ("OK", "Issue", "Not run"):
                found.append(f"{key}: {cells['Status']!r} is no status that tests can give")
            if not pointer or pointer[0] != "pytest":
                if cells["Status"] == "OK" and (key != "parity.tests_pass" or failures):
                    found.append(f"{key}: OK without a passing test")
                continue
            for test in pointer[1:]:
                if test not in outcomes.get(key, {}):
                    found.append(f"{key}: its test {test} is missing")
                elif not outcomes[key][test]:
                    found.append(f"{key}: its test {test} did not pass")
    return found


def add_options(parser: pytest.Parser) -> None:
    """The two options."""
    group = parser.getgroup("backlog", "evidence of class CI")
    group.addoption("--backlog-render", metavar="FILE", help="bring the backlog's document up to date")
    group.addoption("--backlog-check", metavar="FILE", help="fail when a claimed row's test is missing or failed")


def register(config: pytest.Config) -> None:
    """The marker and the collector."""
    config.addinivalue_line("markers", "backlog(*keys): evidence of class CI for rows of the adoption backlog")
    config.pluginmanager.register(BacklogPlugin(config), "adoption-backlog")
