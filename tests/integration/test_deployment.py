"""docker-compose.yml and what its containers run, as far as that can be shown without Docker."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import yaml
from dagster import DagsterInstance
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests import pgbouncer
from tests.integration.test_topology import target_for
from threadline_ops.embedded import scratch
from threadline_ops.embedded.account import hand_over, spawn
from threadline_ops.topology import Mode, detect

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"


@pytest.fixture(scope="module")
def services() -> dict:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def test_it_is_valid_by_the_compose_specification():
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_would_notice_a_mistake(tmp_path: Path):
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(COMPOSE.read_text().replace("healthcheck:", "healtcheck:", 1))
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(broken)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1


def test_docker_agrees_where_there_is_docker():
    """Where Compose is installed it reads the file too, secrets given; elsewhere the schema has to do."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        return
    secrets = {"POSTGRES_PASSWORD": "a", "DAGSTER_STORAGE_PASSWORD": "b"}
    words = [docker, "compose", "--file", str(COMPOSE), "config", "--quiet"]
    assert subprocess.run(words, env=os.environ | secrets, check=False).returncode == 0
    without = {name: value for name, value in os.environ.items() if name not in secrets}
    assert subprocess.run(words, env=without, capture_output=True, check=False).returncode != 0


def test_it_has_the_topology_that_is_documented(services: dict):
    assert set(services) == {"postgres", "pgbouncer", "dagster-storage", "code", "webserver", "daemon"}
    assert "@pgbouncer:6432/" in services["code"]["environment"]["THREADLINE_OPS_DSN"]
    assert "@postgres:5432/" in services["code"]["environment"]["THREADLINE_OPS_DIRECT_DSN"]
    for name in ("webserver", "daemon"):
        assert not [key for key in services[name]["environment"] if key.startswith("THREADLINE_OPS_")]
        assert "database" not in services[name]["networks"]


def test_every_container_is_hardened_and_watched(services: dict):
    images = dict(re.findall(r"^FROM \S+ AS (\w+)\n((?:.|\n)*?)(?=^FROM |\Z)", (ROOT / "Dockerfile").read_text(), re.M))
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["healthcheck"]["test"], name
        user = service.get("user") or re.findall(r"^USER (\w+)$", images[service["build"]["target"]], re.M)[-1]
        assert user not in ("root", "0"), name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
        for volume in service.get("volumes", []):
            assert not volume.startswith((".", "/")), "nothing of the machine is mounted"


def test_secrets_come_from_the_environment_and_are_required():
    text = COMPOSE.read_text()
    for name in ("POSTGRES_PASSWORD", "DAGSTER_STORAGE_PASSWORD"):
        assert not re.search(rf"\$\{{?{name}(?!:\?)", text), "an unset secret must stop the start"
    assert not re.search(r"://\w+:(?!\$\{)[^@\s]+@", text + (ROOT / "Dockerfile").read_text())


def test_dagsters_instance_file_loads_with_its_storage(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    parts = conninfo_to_dict(database)
    url = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**parts)
    monkeypatch.setenv("DAGSTER_STORAGE_URL", url)
    whole = (ROOT / "dagster.yaml").read_text() + (ROOT / "deploy/compose/storage.yaml").read_text()
    (tmp_path / "dagster.yaml").write_text(whole)
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_runs() == []
    with psycopg.connect(database) as connection:
        assert connection.execute("select to_regclass('public.runs') is not null").fetchone() == (True,)


@contextmanager
def the_containers_pgbouncer(admin: str) -> Iterator[str]:
    """The container's own start script, before the test server."""
    target = conninfo_to_dict(admin)
    directory = Path(tempfile.mkdtemp(prefix="c-", dir=scratch.root()))
    script = directory / "start.sh"
    script.write_text((ROOT / "deploy/compose/pgbouncer.sh").read_text())
    program = pgbouncer.program()
    port = pgbouncer.free_port()
    environment = {
        "PATH": f"{Path(program.path).parent}:{os.defpath}",
        "PGBOUNCER_DIRECTORY": directory,
        "PGBOUNCER_ADDRESS": "127.0.0.1",
        "PGBOUNCER_PORT": port,
        "POSTGRES_HOST": target["host"],
        "POSTGRES_PORT": target.get("port", 5432),
        "POSTGRES_USER": target["user"],
        "POSTGRES_PASSWORD": target["password"],
    } | ({"LD_LIBRARY_PATH": program.libraries} if program.libraries else {})
    hand_over(directory)
    words = [f"{name}={value}" for name, value in environment.items()]
    process = spawn(["/usr/bin/env", *words, "/bin/sh", script])
    dsn = make_conninfo(admin, host="127.0.0.1", port=port)
    try:
        pgbouncer.wait_until_ready(process, dsn, script)
        yield dsn
    finally:
        process.kill()
        process.wait(10)
        shutil.rmtree(directory)


def test_the_containers_pgbouncer_pools_transactions(server, audited: str, tmp_path: Path):
    with the_containers_pgbouncer(server.admin) as dsn:
        pooled = make_conninfo(dsn, dbname=conninfo_to_dict(audited)["dbname"])
        facts = detect(target_for(pooled, tmp_path))
        assert (facts.mode, facts.pool_size, facts.console_agrees) == (Mode.transaction, 20, True)
        with psycopg.connect(pooled, autocommit=True, prepare_threshold=None) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
