"""The demo's directory: its server, its evidence, and the environment that lets every command work on it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import make_conninfo

from threadline_ops.errors import SettingsError
from threadline_ops.settings import PREFIX

#: The name of the database that the demo makes, and makes anew each time.
DATABASE = "flightops"
#: Of the 120 days over which the demo spreads its history, about a quarter lies beyond this window.
KEEP_DAYS = 90

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

    def write_environment(self, admin_dsn: str) -> dict[str, str]:
        """Write `env` for a server, and return what it says."""
        root = self.directory.resolve()
        variables = {
            f"{PREFIX}DSN": make_conninfo(admin_dsn, dbname=DATABASE),
            f"{PREFIX}ENVIRONMENT": "demo",
            f"{PREFIX}ENVIRONMENT_CLASS": "host",
            f"{PREFIX}RETENTION__ENABLED": "true",
            f"{PREFIX}RETENTION__KEEP_DAYS": str(KEEP_DAYS),
            f"{PREFIX}EVIDENCE__DIRECTORY": str(root / "evidence"),
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


@contextmanager
def served(home: Home, environment: Mapping[str, str] = os.environ) -> Generator[str]:
    """The connection string of a server for the demo's database, as a role that may create databases.

    With THREADLINE_OPS_DSN set, that server is used and none is started.
    """
    given = environment.get(f"{PREFIX}DSN")
    if given:
        yield given
        return
    from threadline_ops import embedded

    with embedded.running(home.server) as server:
        yield server.dsn()
