"""The continuity commands as a person meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.continuity import capture, settings_for

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(audited: str, connection: psycopg.Connection, tmp_path: Path) -> dict[str, str]:
    connection.execute("create table things (id int primary key, v text)")
    connection.execute("insert into things select i, 'honeytoken' || i from generate_series(1, 20) i")
    capture(settings_for(audited, tmp_path), "things")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("THREADLINE_OPS_")}
    return plain | {
        "THREADLINE_OPS_DSN": audited,
        "THREADLINE_OPS_ARCHIVE_URI": (tmp_path / "archive").as_uri(),
        "THREADLINE_OPS_EVIDENCE__DIRECTORY": str(tmp_path / "evidence"),
        "THREADLINE_OPS_CONTINUITY__CHUNK_ROWS": "7",
        "PYTHONPATH": str(ROOT),
    }


def command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "threadline_ops", *arguments],
        env=environment, cwd=environment["THREADLINE_OPS_EVIDENCE__DIRECTORY"].rsplit("/", 1)[0],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.pooled
def test_from_readiness_over_the_baseline_to_a_gap(environment, connection):
    asked = command(environment, "continuity")
    assert asked.returncode == 0, asked.stderr
    assert "public.things: ready" in asked.stdout
    assert "next                      threadline-ops baseline public.things" in asked.stdout
    taken = command(environment, "baseline", "--json")
    assert taken.returncode == 0, taken.stderr
    assert json.loads(taken.stdout)[0]["result"]["rows"] == 20
    again = command(environment, "baseline", "things")
    assert "baseline version 1 unchanged" in again.stdout
    fine = command(environment, "continuity-verify")
    assert fine.returncode == 0, fine.stderr
    assert "nothing got past capture" in fine.stdout
    connection.execute("set session_replication_role = replica")
    connection.execute("update things set v = 'past' where id = 3")
    broken = command(environment, "continuity-verify", "things")
    assert broken.returncode == 1
    assert "1 rows got past capture" in broken.stdout
    told = json.loads(command(environment, "continuity-verify", "--json").stdout)[0]["result"]
    assert told["counts"] == {"bypassed": 1, "vanished": 0, "appeared": 0, "unknown": 0}
    everything = "".join(done.stdout + done.stderr for done in (asked, taken, again, fine, broken))
    assert "honeytoken" not in everything


def test_a_table_that_is_not_ready_exits_1_unless_it_is_only_explained(environment, connection):
    connection.execute("alter table things disable trigger all")
    refused = command(environment, "continuity", "things")
    assert refused.returncode == 1
    assert "not ready" in refused.stdout
    explained = command(environment, "continuity", "things", "--dry-run", "--json")
    assert explained.returncode == 0
    assert json.loads(explained.stdout)["ready"] is False


@pytest.mark.parametrize(
    ("arguments", "changes", "message"),
    [
        (["baseline", "nothing"], {}, "there is no such table"),
        (["baseline", "things"], {"ARCHIVE_URI": None}, "set THREADLINE_OPS_ARCHIVE_URI"),
        (["baseline", "things"], {"ARCHIVE_URI": "nonsense://key:secret@place"}, "URI is not understood"),
        (["baseline", "a.b.c.d"], {}, "not a table's name"),
        (["continuity-verify", "things", "--sample", "2"], {}, "the sample must be above 0"),
        (["continuity"], {"DSN": "postgresql://u@127.0.0.1:1/d"}, "nothing listens there"),
        (["continuity"], {"CONTINUITY__CHUNK_ROWS": "0"}, "continuity.chunk_rows is not acceptable"),
    ],
)
def test_bad_input_is_one_red_line_and_exit_2(environment, arguments, changes, message):
    changed = environment | {f"THREADLINE_OPS_{name}": value for name, value in changes.items()}
    done = command({name: value for name, value in changed.items() if value is not None}, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


@pytest.mark.parametrize("name", ["continuity", "baseline", "continuity-verify"])
def test_help_says_what_is_read_and_the_exit_status(environment, name):
    done = command(environment | {"COLUMNS": "120", "TERM": "dumb"}, name, "--help")
    assert done.returncode == 0
    assert "Exit status 1" in done.stdout
    assert "--json" in done.stdout
