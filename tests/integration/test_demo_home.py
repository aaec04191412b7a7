"""The demo's directory and commands, on a given server and a few flights."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from threadline_ops import demo
from threadline_ops.demo.home import Home, served
from threadline_ops.errors import SettingsError
from threadline_ops.progress import drive

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(server, tmp_path: Path) -> Home:
    """A small demo on the tests' server."""
    made = Home(tmp_path / ".demo")
    with served(made, {"THREADLINE_OPS_DSN": server.admin}) as given:
        drive(demo.build(given, limit=20), lambda _: None)
        made.write_environment(given)
    yield made
    with psycopg.connect(server.admin, autocommit=True) as connection:
        connection.execute(f"drop database {demo.DATABASE} with (force)")


def environment(server) -> dict[str, str]:
    return os.environ | {"THREADLINE_OPS_DSN": server.admin, "PYTHONPATH": str(ROOT), "TERM": "dumb"}


def start(server, cwd: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "threadline_ops", "demo", *arguments],
        env=environment(server), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_the_environment_file_is_private_and_complete(home: Home):
    assert stat.S_IMODE(home.env.stat().st_mode) == 0o600
    variables = home.read_environment()
    assert variables["THREADLINE_OPS_RETENTION__ENABLED"] == "true"
    with psycopg.connect(variables["THREADLINE_OPS_DSN"]) as connection:
        assert connection.info.dbname == demo.DATABASE
    sourced = subprocess.run(["sh", "-c", f". {home.env}; env"], capture_output=True, text=True, check=True)
    assert f"DAGSTER_HOME={variables['DAGSTER_HOME']}" in sourced.stdout.splitlines()


def test_exec_runs_a_command_on_the_demo(server, home: Home):
    child = start(
        server, home.directory.parent, "exec", "--", sys.executable, "-m", "threadline_ops", "purge", "--json"
    )
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    assert '"expired_changes"' in out
    assert list(home.evidence.glob("*.json"))


@pytest.mark.parametrize(("command", "status"), [(["false"], 1), (["sh", "-c", "exit 7"], 7)])
def test_exec_ends_as_its_command_does(server, home: Home, command: list[str], status: int):
    child = start(server, home.directory.parent, "exec", "--", *command)
    child.communicate(timeout=60)
    assert child.returncode == status


def test_exec_of_nothing_and_of_no_such_command_are_errors(server, home: Home):
    for command, message in (([], "no command was given"), (["no-such-command"], "cannot be started")):
        child = start(server, home.directory.parent, "exec", "--", *command)
        _, err = child.communicate(timeout=60)
        assert child.returncode == 2
        assert message in err


def test_serve_says_where_it_is_and_ends_on_request(server, home: Home):
    child = start(server, home.directory.parent, "serve")
    assert child.stdout is not None
    assert "is up" in child.stdout.readline()
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 0, err


def test_without_a_demo_the_commands_say_what_to_run(server, tmp_path: Path):
    with pytest.raises(SettingsError, match="run make demo"):
        Home(tmp_path / ".demo").read_environment()
    child = start(server, tmp_path, "serve")
    _, err = child.communicate(timeout=30)
    assert child.returncode == 2
    assert "run make demo" in err


def test_a_termination_reaches_the_command(server, home: Home):
    script = "import signal; signal.signal(15, lambda *_: exit(9)); print('up', flush=True); signal.pause()"
    child = start(server, home.directory.parent, "exec", "--", sys.executable, "-c", script)
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=30)
    assert child.returncode == 9


def test_break_drops_one_trigger_and_heal_restores_it(server, home: Home):
    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "threadline_ops", *words],
            env=environment(server) | home.read_environment(), cwd=home.directory.parent, capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip

    assert command("coverage").returncode == 0, "the demo's environment says what must be captured"
    assert command("demo", "break").returncode == 0
    broken = command("coverage")
    assert broken.returncode == 1
    assert "6 covered, 1 uncovered" in broken.stdout
    assert command("demo", "break").returncode == 0, "again changes nothing"
    assert command("demo", "heal").returncode == 0
    assert command("coverage").returncode == 0


def test_break_touches_no_other_database_and_says_when_the_server_is_down(server, home: Home, database: str):
    text = home.env.read_text()
    for dsn, message in ((database, "was not made by the demo"), ("postgresql://x@127.0.0.1:1/x", "make ui")):
        home.env.write_text(f"export THREADLINE_OPS_DSN='{dsn}'\n")
        child = start(server, home.directory.parent, "break")
        _, err = child.communicate(timeout=60)
        assert child.returncode == 2
        assert message in err
    home.env.write_text(text)
