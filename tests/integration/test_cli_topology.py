"""`topology` and `probe` as a person meets them."""

import json
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests import command as cli
from tests.command import command, spawned


@pytest.fixture
def environment(audited: str, tmp_path: Path) -> dict[str, str]:
    return cli.environment(DSN=audited, EVIDENCE__DIRECTORY=str(tmp_path / "evidence"))


@pytest.mark.pooled
def test_topology_tells_the_chain(environment: dict[str, str], tmp_path: Path, route: str):
    done = spawned(environment, tmp_path, "topology")
    assert done.returncode == (1 if route == "pooled" else 0), "a pooler without a direct path is an issue"
    assert "| Environment | Class | Chain |" in done.stdout
    assert ("transaction: admin console" if route == "pooled" else "direct: 4 connections") in done.stdout
    password = str(conninfo_to_dict(environment["THREADLINE_OPS_DSN"])["password"])
    assert password not in done.stdout + done.stderr


def test_topology_for_machines(environment: dict[str, str], tmp_path: Path):
    done = command(environment, tmp_path, "topology", "--json", "--save", "facts")
    (found,) = json.loads(done.stdout)["environments"]
    assert found["facts"]["mode"] == "direct"
    assert [p["status"] for p in found["probes"]].count("Not run") == 2
    assert json.loads((tmp_path / "facts/local.json").read_text())["facts"]["mode"] == "direct"


def test_probe_without_paths_says_where_to_declare_them(environment: dict[str, str], tmp_path: Path):
    done = command(environment, tmp_path, "probe")
    assert done.returncode == 0
    assert "add [[write_paths]] to threadline.toml" in done.stdout


def test_probe_reports_and_exits_one(environment: dict[str, str], tmp_path: Path):
    (tmp_path / "threadline.toml").write_text(
        "[environments.local]\nallow_writes = true\n"
        '[[write_paths]]\nname = "absent"\nkind = "job"\ncommand = ["/no/such/program"]\nwrites = ["insert x"]\n'
        '[[write_paths]]\nname = "outside"\nkind = "http"\nnot_applicable = "read-only by docs/scope.md, section 3"\n'
    )
    done = command(environment, tmp_path, "probe")
    assert done.returncode == 1
    assert "Issue" in done.stdout
    assert "N/A" in done.stdout
    shown = json.loads(command(environment, tmp_path, "probe", "--json", "--path", "outside").stdout)
    assert [path["status"] for path in shown["paths"]] == ["N/A"]


@pytest.mark.parametrize(
    "words", [("topology", "--environment", "nowhere"), ("probe", "--path", "nowhere")], ids=lambda words: words[0]
)
def test_a_wrong_name_is_one_red_line(environment: dict[str, str], tmp_path: Path, words: tuple[str, ...]):
    done = command(environment, tmp_path, *words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: there is no such")
