"""The command as a person meets it: output, exit status, and errors that say what to do."""

import json
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests import command as cli
from tests.audit import bulk, count
from tests.command import command, spawned

pytestmark = pytest.mark.pooled


@pytest.fixture
def environment(audited: str, connection: psycopg.Connection, tmp_path: Path) -> dict[str, str]:
    bulk(connection, transactions=400, per_transaction=3, days=120, now=datetime.now(UTC))
    return cli.environment(
        DSN=audited,
        RETENTION__ENABLED="true",
        RETENTION__KEEP_DAYS="90",
        EVIDENCE__DIRECTORY=str(tmp_path / "evidence"),
    )


def test_the_default_is_a_dry_run(environment, connection, tmp_path):
    done = command(environment, tmp_path, "purge")
    assert done.returncode == 0, done.stderr
    assert "Dry run: nothing was deleted" in done.stdout
    assert count(connection, "audit_changes") == 1200


def test_json_is_one_document(environment, connection, tmp_path):
    done = spawned(environment, tmp_path, "purge", "--execute", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["result"]["deleted_changes"] == 1200 - count(connection, "audit_changes") > 0
    assert Path(report["evidence"]).exists()


def test_a_capped_run_exits_1_and_warns(environment, connection, tmp_path):
    done = command(environment, tmp_path, "purge", "--execute", "--batch-size", "10", "--max-batches", "2")
    assert done.returncode == 1
    assert "capped" in done.stderr
    assert "expired changes remain" in done.stderr
    assert count(connection, "audit_changes") == 1180


@pytest.mark.parametrize(
    ("arguments", "changes", "message"),
    [
        (["--execute"], {"RETENTION__ENABLED": "false"}, "retention is disabled"),
        (["--execute", "--batch-size", "0"], {}, "batch_size must lie between"),
        (["--execute", "--cutoff", "2999-01-01T00:00:00Z"], {}, "newer than the policy's"),
        (["--execute", "--cutoff", "yesterday"], {}, "not an ISO 8601 time"),
        (["--execute", "--cutoff", "2020-01-01"], {}, "no time zone"),
        (["--execute"], {"RETENTION__MAX_AGE_SECONDS": "5"}, "both set"),
        (["--execute"], {"RETENTION__KEEP_DAYS": "0"}, "must be a positive whole number"),
        (["--execute"], {"RETENTION__KEEP_DAYS": "thirty"}, "must be a positive whole number"),
        (["--execute"], {"RETENTION__KEPT_DAYS": "30"}, "unknown setting"),
        (["--execute"], {"DSN": "postgresql://u@127.0.0.1:1/d"}, "nothing listens there"),
        (["--execute"], {"DSN": "postgresql://:bad dsn"}, "cannot be parsed"),
        (["--execute"], {"DATABASE__AUDIT_SCHEMA": "nowhere"}, "schema 'nowhere' has no audit_changes"),
    ],
)
def test_bad_input_is_one_red_line_and_exit_2(environment, connection, tmp_path, arguments, changes, message):
    changed = environment | {f"THREADLINE_OPS_{name}": value for name, value in changes.items()}
    done = command(changed, tmp_path, "purge", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert count(connection, "audit_changes") == 1200


def test_no_connection_string_is_an_error_that_names_the_variable(environment, tmp_path):
    del environment["THREADLINE_OPS_DSN"]
    done = spawned(environment, tmp_path, "purge")
    assert done.returncode == 2
    assert "set THREADLINE_OPS_DSN" in done.stderr


def test_a_wrong_password_is_never_printed(environment, tmp_path):
    parts = conninfo_to_dict(environment["THREADLINE_OPS_DSN"]) | {"password": "honeytoken-42"}
    done = spawned(environment | {"THREADLINE_OPS_DSN": make_conninfo(**parts)}, tmp_path, "purge")
    assert done.returncode == 2
    assert "refused the login" in done.stderr
    evidence = "".join(path.read_text() for path in (tmp_path / "evidence").glob("*.json"))
    assert "honeytoken-42" not in done.stdout + done.stderr + evidence


def test_an_unwritable_evidence_store_stops_before_anything_is_deleted(environment, connection, tmp_path):
    (tmp_path / "file").write_text("")
    blocked = environment | {"THREADLINE_OPS_EVIDENCE__DIRECTORY": str(tmp_path / "file" / "evidence")}
    done = command(blocked, tmp_path, "purge", "--execute")
    assert done.returncode == 2
    assert "evidence store cannot be written" in done.stderr
    assert count(connection, "audit_changes") == 1200


def test_an_unknown_option_is_a_usage_error(environment, tmp_path):
    done = command(environment, tmp_path, "purge", "--force")
    assert done.returncode == 2
    assert "No such option" in done.stderr


def test_help_names_every_option(environment, tmp_path):
    done = command(environment | {"COLUMNS": "120", "TERM": "dumb"}, tmp_path, "purge", "--help")
    assert done.returncode == 0
    for option in ("--execute", "--cutoff", "--batch-size", "--max-batches", "--json"):
        assert option in done.stdout
