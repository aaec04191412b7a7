"""The demo's directory: its server, its evidence, and the environment that lets every command work on it."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from threadline_ops.demo.build import DATABASE, Server
from threadline_ops.demo.desk import DSN_VARIABLE
from threadline_ops.demo.schema import BROWNFIELD, CAPTURE, SCHEMA
from threadline_ops.errors import SettingsError
from threadline_ops.settings import PREFIX

#: Of the 120 days over which the demo spreads its history, about a quarter lies beyond this window.
KEEP_DAYS = 90

#: The demo has one environment, so that it is also the one that counts.
_ENVIRONMENT = {"application": "flight operations desk", "production": True, "allow_writes": True}

#: Every write of the desk's paths.
_WRITES = ["insert public.bookings"]
STANDBY_JOB = {
    "name": "book from standby",
    "kind": "job",
    "command": [sys.executable, "-m", "threadline_ops.demo.desk", "{correlation_id}"],
    "writes": _WRITES,
}

_LINE = re.compile(r"export ([A-Z_]+)=(.*)")


@dataclass(frozen=True)
class Home:
    """Where the demo leaves what it makes; git-ignored.

    Attributes:
        directory: usually `.demo`.
    """

    directory: Path

    @property
    def server(self) -> Path:
        """The embedded server's data, password and log."""
        return self.directory / "server"

    @property
    def evidence(self) -> Path:
        """The runs' records and logs."""
        return self.directory / "evidence"

    @property
    def dagster(self) -> Path:
        """Dagster's own storage: runs and their event logs."""
        return self.directory / "dagster"

    @property
    def env(self) -> Path:
        """Variables for every command, readable by its owner alone because the connection string is one of them."""
        return self.directory / "env"

    def write_environment(self, server: Server) -> dict[str, str]:
        """Write `env` for a server, and return what it says."""
        root = self.directory.resolve()
        variables = {
            f"{PREFIX}DSN": server.dsn(DATABASE),
            f"{PREFIX}ENVIRONMENT": "demo",
            f"{PREFIX}ENVIRONMENT_CLASS": "host",
            f"{PREFIX}RETENTION__ENABLED": "true",
            f"{PREFIX}RETENTION__KEEP_DAYS": str(KEEP_DAYS),
            f"{PREFIX}EVIDENCE__DIRECTORY": str(root / "evidence"),
            f"{PREFIX}BACKLOG__DIRECTORY": str(root),
            f"{PREFIX}EXPORT__DIRECTORY": str(root / "exports"),
            f"{PREFIX}ARCHIVE_URI": (root / "archive").as_uri(),
            f"{PREFIX}CAPTURE__TABLES": json.dumps(CAPTURE.model_dump(mode="json", exclude_defaults=True)["tables"]),
            f"{PREFIX}COVERAGE__EXPECTED_TABLES": json.dumps(sorted(CAPTURE.tables)),
            f"{PREFIX}COVERAGE__PROBE_TABLES": json.dumps([f"{SCHEMA}.planes"]),
            f"{PREFIX}DASHBOARD__OWNER": "team:flight-operations",
            f"{PREFIX}BUDGETS__RETENTION_PURGE": "30",
            f"{PREFIX}BUDGETS__COVERAGE_CHECK": "24",
            f"{PREFIX}CONTINUITY__TABLES": json.dumps([f"{SCHEMA}.{table}" for table in BROWNFIELD]),
            f"{PREFIX}ENVIRONMENTS": json.dumps({"demo": _ENVIRONMENT}),
            f"{PREFIX}WRITE_PATHS": json.dumps([STANDBY_JOB]),
            DSN_VARIABLE: server.dsn(DATABASE),
            "DAGSTER_HOME": str(root / "dagster"),
        }
        self.directory.mkdir(parents=True, exist_ok=True)
        self.dagster.mkdir(exist_ok=True)
        text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        descriptor = os.open(self.env, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), 0o600)
            stream.write(text)
        return variables

    def read_environment(self) -> dict[str, str]:
        """What `env` says.

        Raises:
            SettingsError: the demo was not made here yet.
        """
        try:
            lines = self.env.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            raise SettingsError("there is no demo here yet", got=str(self.directory), fix="run make demo") from None
        found = (_LINE.fullmatch(line) for line in lines)
        return {match[1]: "".join(shlex.split(match[2])) for match in found if match}


def booking_request(url: str) -> dict[str, Any]:
    """The desk's other path, while it listens at an address."""
    return {
        "name": "book at the desk",
        "kind": "http",
        "method": "POST",
        "url": url,
        "body": {"passengers": 1},
        "expected_status": 201,
        "writes": _WRITES,
        "actor_types": ["user"],
    }


@dataclass(frozen=True)
class _Given:
    """The server that THREADLINE_OPS_DSN names."""

    admin: str = field(repr=False)

    def dsn(self, database: str) -> str:
        """The connection string of one of its databases."""
        return make_conninfo(self.admin, dbname=database)


@contextmanager
def served(home: Home, environment: Mapping[str, str] = os.environ) -> Generator[Server]:
    """A server for the demo's database, reached as a role that may create databases.

    With THREADLINE_OPS_DSN set, that server is used and none is started.
    """
    given = environment.get(f"{PREFIX}DSN")
    if given:
        yield _Given(given)
        return
    from threadline_ops import embedded

    with embedded.running(home.server) as server:
        yield server
