"""The continuity commands as a person meets them."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from tests import command as cli
from tests.command import command
from tests.continuity import capture, settings_for


@pytest.fixture
def environment(audited: str, connection: psycopg.Connection, tmp_path: Path) -> dict[str, str]:
    connection.execute("create table things (id int primary key, v text)")
    connection.execute("insert into things select i, 'honeytoken' || i from generate_series(1, 20) i")
    capture(settings_for(audited, tmp_path), "things")
    return cli.environment(
        DSN=audited,
        ARCHIVE_URI=(tmp_path / "archive").as_uri(),
        EVIDENCE__DIRECTORY=str(tmp_path / "evidence"),
        CONTINUITY__CHUNK_ROWS="7",
    )


@pytest.mark.pooled
def test_from_readiness_over_the_baseline_to_a_gap(environment, tmp_path, connection):
    asked = command(environment, tmp_path, "continuity")
    assert asked.returncode == 0, asked.stderr
    assert "public.things: ready" in asked.stdout
    assert "next                      threadline-ops baseline public.things" in asked.stdout
    taken = command(environment, tmp_path, "baseline", "--json")
    assert taken.returncode == 0, taken.stderr
    assert json.loads(taken.stdout)[0]["result"]["rows"] == 20
    again = command(environment, tmp_path, "baseline", "things")
    assert "baseline version 1 unchanged" in again.stdout
    fine = command(environment, tmp_path, "continuity-verify")
    assert fine.returncode == 0, fine.stderr
    assert "nothing got past capture" in fine.stdout
    connection.execute("set session_replication_role = replica")
    connection.execute("update things set v = 'past' where id = 3")
    broken = command(environment, tmp_path, "continuity-verify", "things")
    assert broken.returncode == 1
    assert "1 rows got past capture" in broken.stdout
    told = json.loads(command(environment, tmp_path, "continuity-verify", "--json").stdout)[0]["result"]
    assert told["counts"] == {"bypassed": 1, "vanished": 0, "appeared": 0, "unknown": 0}
    everything = "".join(done.stdout + done.stderr for done in (asked, taken, again, fine, broken))
    assert "honeytoken" not in everything


def test_a_table_that_is_refused_does_not_keep_the_others_from_their_turn(environment, tmp_path, connection):
    connection.execute("create table a_log (n int); insert into a_log values (1), (1)")
    connection.execute(
        "create trigger threadline_audit_a_log after insert or update or delete on a_log"
        " for each row execute function threadline_capture_changes()"
    )
    taken = command(environment, tmp_path, "baseline")
    assert taken.returncode == 0, taken.stderr
    assert "public.a_log: baseline version 1 complete" in taken.stdout
    checked = command(environment, tmp_path, "continuity-verify")
    assert "public.things: nothing got past capture" in checked.stdout
    assert checked.returncode == 2, "what could not be verified is no success"
    assert "public.a_log: the table has no primary key" in checked.stderr


def test_a_table_that_is_not_ready_exits_1_unless_it_is_only_explained(environment, tmp_path, connection):
    connection.execute("alter table things disable trigger all")
    refused = command(environment, tmp_path, "continuity", "things")
    assert refused.returncode == 1
    assert "not ready" in refused.stdout
    explained = command(environment, tmp_path, "continuity", "things", "--dry-run", "--json")
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
def test_bad_input_is_one_red_line_and_exit_2(environment, tmp_path, arguments, changes, message):
    changed = environment | {f"THREADLINE_OPS_{name}": value for name, value in changes.items()}
    done = command({name: value for name, value in changed.items() if value is not None}, tmp_path, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


@pytest.mark.parametrize("name", ["continuity", "baseline", "continuity-verify"])
def test_help_says_what_is_read_and_the_exit_status(environment, tmp_path, name):
    done = command(environment, tmp_path, name, "--help")
    assert done.returncode == 0
    assert "Exit status 1" in " ".join(done.stdout.split())
    assert "--json" in done.stdout
