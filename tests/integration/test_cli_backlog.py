"""`evidence` and `backlog` as a person meets them: output, exit status, files, and issues filed once."""

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests import command as cli
from tests.command import command, spawned

TOKEN = "honeytoken-github"


@pytest.fixture
def environment(audited: str) -> dict[str, str]:
    return cli.environment(
        DSN=audited,
        ENVIRONMENT="staging",
        RETENTION__ENABLED="true",
        RETENTION__KEEP_DAYS="90",
        BACKLOG__OWNERS='{"RETENTION": "team-data"}',
    )


def parsed(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.stderr == "", done.stderr
    return json.loads(done.stdout)


def test_evidence_is_listed_shown_and_verified(environment, tmp_path):
    assert spawned(environment, tmp_path, "purge").returncode == 0
    (listed,) = parsed(spawned(environment, tmp_path, "evidence", "list", "--json"))
    assert (listed["operation"], listed["status"], listed["sequence"]) == ("retention_purge", "OK", 1)
    assert "retention_purge dry_run: dry_run" in command(environment, tmp_path, "evidence", "list").stdout
    for reference in (listed["run_id"], "1"):
        shown = parsed(command(environment, tmp_path, "evidence", "show", reference, "--json"))
        assert shown["sha256"] == listed["sha256"]
    assert "dry run, nothing deleted" in command(environment, tmp_path, "evidence", "show", "1", "--log").stdout
    verified = command(environment, tmp_path, "evidence", "verify")
    assert verified.returncode == 0
    assert "anchored in the database through record 1" in verified.stdout
    log = next((tmp_path / ".threadline" / "evidence").glob("*.log.gz"))
    log.chmod(0o600)
    log.write_bytes(b"")
    assert command(environment, tmp_path, "evidence", "verify").returncode == 1
    found = parsed(command(environment, tmp_path, "evidence", "verify", "--json"))
    assert [problem["kind"] for problem in found["problems"]] == ["log"]


def test_an_empty_store_is_no_error(environment, tmp_path):
    assert command(environment, tmp_path, "evidence", "list").stdout == "no records\n"
    done = command(environment, tmp_path, "evidence", "verify")
    assert done.returncode == 0
    assert "a tail that was cut off would not show" in done.stderr, "an absent anchor is said"
    missing = command(environment, tmp_path, "evidence", "show", "no-such-run")
    assert missing.returncode == 2
    assert missing.stderr.startswith("error: no such record")


def test_the_backlog_is_rendered_and_checked(environment, tmp_path):
    command(environment, tmp_path, "purge")
    done = spawned(environment, tmp_path, "backlog", "render", "--json")
    rows = {row["key"]: row for row in parsed(done)["rows"]}
    assert rows["retention.dry_run_before_execute"]["status"] == "OK"
    assert rows["retention.dry_run_before_execute"]["negative_control"]["failed"] is True
    written = tmp_path / ".threadline"
    text = (written / "backlog.md").read_text()
    assert "<!-- STG-HOST-TOPOLOGY-TEMPLATE -->" in text
    assert "<!-- STG-AUDITED-PATH-RUBRIC -->" in text
    page = (written / "backlog.html").read_text()
    assert "://" not in page, "it asks nothing of any network"
    assert "src=" not in page
    assert "prefers-color-scheme: dark" in page
    assert json.loads((written / "backlog.json").read_text())["rows"] == list(rows.values())
    assert command(environment, tmp_path, "backlog", "check").returncode == 0


def test_a_p0_fails_the_check(environment, tmp_path):
    command(environment, tmp_path, "purge", "--execute")
    done = command(environment, tmp_path, "backlog", "check", "--json")
    assert done.returncode == 1
    assert [issue["row"] for issue in parsed(done)["p0"]] == ["retention.dry_run_before_execute"]


def test_a_typed_ok_fails_the_check_and_does_not_survive(environment, tmp_path):
    command(environment, tmp_path, "backlog", "render")
    document = tmp_path / ".threadline" / "backlog.md"
    line = next(line for line in document.read_text().split("\n") if line.startswith("| capture.triggers_installed "))
    typed = line.replace("| Not run |", "| OK |")
    assert typed != line
    document.write_text(document.read_text().replace(line, typed) + "\nWritten by a person.\n")
    done = command(environment, tmp_path, "backlog", "check")
    assert done.returncode == 1
    assert "capture.triggers_installed: the document says OK, the evidence Not run" in done.stdout
    command(environment, tmp_path, "backlog", "render")
    assert line in document.read_text()
    assert "Written by a person." in document.read_text()
    assert command(environment, tmp_path, "backlog", "check").returncode == 0


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("all audited tables were created empty, see docs/scope.md", 0),
        ("not needed", 1),
        ("we do not do this here at all", 1),
    ],
)
def test_na_needs_a_reason_that_points_to_something(environment, tmp_path, scope, status):
    scoped = environment | {"THREADLINE_OPS_BACKLOG__NOT_APPLICABLE": json.dumps({"continuity.guide_followed": scope})}
    done = command(scoped, tmp_path, "backlog", "check")
    assert done.returncode == status, done.stdout
    assert ("its N/A is not justified" in done.stdout) is bool(status)


ENVIRONMENTS = "| Environment | Class | Matches prod |\n| --- | --- | --- |\n| qa | host | partial |\n"


def test_a_partial_environment_owes_a_paragraph(environment, tmp_path):
    document = tmp_path / ".threadline" / "backlog.md"
    document.parent.mkdir()
    document.write_text(f"# Ours\n\n<!-- STG-HOST-TOPOLOGY-TEMPLATE -->\n\n{ENVIRONMENTS}\n# More\n")
    done = command(environment, tmp_path, "backlog", "check")
    assert "environment qa matches prod partially, and no paragraph says what differs" in done.stdout
    paragraph = "qa has no pooler: its application talks to PostgreSQL directly, production's through PgBouncer."
    document.write_text(document.read_text().replace("# More", f"{paragraph}\n\n# More"))
    assert command(environment, tmp_path, "backlog", "check").returncode == 0
    command(environment, tmp_path, "backlog", "render")
    text = document.read_text()
    assert text.startswith("# Ours\n")
    assert paragraph in text
    assert "| qa | host |" in text


def test_an_issue_says_how_to_reproduce_it(environment, tmp_path):
    command(environment, tmp_path, "purge", "--execute")
    done = command(environment, tmp_path, "backlog", "issue", "AP-RETENTION.1")
    assert done.returncode == 0, done.stderr
    for part in (
        "# [AP-RETENTION.1] Nothing is purged under a policy that no dry run has shown",
        "**P0** in retention", "Owner: team-data", "threadline-ops purge --execute",
        "threadline_ops/sql/retention/delete_slice.sql", '"dsn": "set"', '"keep_days": 90',
    ):  # fmt: skip
        assert part in done.stdout
    missing = command(environment, tmp_path, "backlog", "issue", "AP-NOWHERE.1")
    assert missing.returncode == 2
    assert "use one of the open ones: AP-RETENTION.1" in missing.stderr


class GitHub(BaseHTTPRequestHandler):
    """What the REST API does with issues, as far as we speak to it."""

    issues: list[dict[str, str]] = []
    tokens: set[str] = set()

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        type(self).tokens.add(self.headers["Authorization"])
        self._answer(200, self.issues)

    def do_POST(self) -> None:
        if self.path != "/repos/acme/app/issues":
            self._answer(404, {"message": "Not Found"})
            return
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.issues.append(sent | {"html_url": f"http://stub/acme/app/issues/{len(self.issues) + 1}"})
        self._answer(201, self.issues[-1])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def github() -> Iterator[str]:
    GitHub.issues, GitHub.tokens = [], set()
    with ThreadingHTTPServer(("127.0.0.1", 0), GitHub) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_issue_is_filed_once(environment, tmp_path, github):
    command(environment, tmp_path, "purge", "--execute")
    known = environment | {"THREADLINE_OPS_BACKLOG__API": github, "THREADLINE_OPS_GITHUB_TOKEN": TOKEN}
    file = ("backlog", "issue", "AP-RETENTION.1", "--github", "acme/app", "--json")
    assert parsed(command(known, tmp_path, *file)) == {"url": "http://stub/acme/app/issues/1", "new": True}
    assert parsed(command(known, tmp_path, *file)) == {"url": "http://stub/acme/app/issues/1", "new": False}
    (issue,) = GitHub.issues
    assert issue["title"].startswith("[AP-RETENTION.1] ")
    assert "## How to reproduce" in issue["body"]
    assert GitHub.tokens == {f"Bearer {TOKEN}"}
    assert TOKEN not in issue["body"]


def test_filing_says_what_is_wrong(environment, tmp_path, github):
    command(environment, tmp_path, "purge", "--execute")
    file = ("backlog", "issue", "AP-RETENTION.1", "--github")
    without = command(environment, tmp_path, *file, "acme/app")
    assert (without.returncode, "set THREADLINE_OPS_GITHUB_TOKEN" in without.stderr) == (2, True)
    known = environment | {"THREADLINE_OPS_BACKLOG__API": github, "THREADLINE_OPS_GITHUB_TOKEN": TOKEN}
    missing = command(known, tmp_path, *file, "acme/other")
    assert (missing.returncode, "GitHub answered 404" in missing.stderr) == (2, True)
    away = known | {"THREADLINE_OPS_BACKLOG__API": "http://127.0.0.1:1"}
    assert "GitHub cannot be asked: ConnectionRefusedError" in command(away, tmp_path, *file, "acme/app").stderr
    assert TOKEN not in missing.stderr
    assert command(known, tmp_path, *file, "no repository").returncode == 2


@pytest.mark.parametrize("words", [("evidence",), ("backlog",)])
def test_help_names_every_command(environment, tmp_path, words):
    done = command(environment | {"COLUMNS": "120", "TERM": "dumb"}, tmp_path, *words, "--help")
    assert done.returncode == 0
    for name in {"evidence": ("list", "show", "verify"), "backlog": ("render", "check", "issue")}[words[0]]:
        assert name in done.stdout
