"""What a host declares of itself: its environments, and the paths by which it writes audited rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, StrictStr, StringConstraints, model_validator

from threadline_ops.fields import Boolean, PositiveInt, Section

#: Connection strings of an environment; like the main ones they live in the process's environment alone.
ENVIRONMENT_SECRETS = ("dsn", "direct_dsn", "admin_dsn")
#: What a write path sends: made for a probe, but close enough to real data that evidence only says it is set.
PATH_CONTENT = ("body", "command", "sql", "dagster")
#: Methods that a probe may send anywhere; every other may change something.
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

#: Part of an environment variable's name, so that a shell can set it.
EnvironmentName = Annotated[StrictStr, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[StrictStr, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Write = Annotated[StrictStr, StringConstraints(pattern=r"^(insert|update|delete) \S.*$")]


class EnvironmentSettings(Section):
    """One environment of the host, for STG-01."""

    environment_class: Literal["ci", "host"] | None = None
    application: Text = "application"
    pooler: Text | None = None
    sandbox_note: StrictStr = ""
    production: Boolean = False
    allow_writes: Boolean = False
    observe_writes: Boolean = False
    recorded: Path | None = None
    dsn: SecretStr | None = None
    direct_dsn: SecretStr | None = None
    admin_dsn: SecretStr | None = None


class DagsterJob(Section):
    """A job in another Dagster deployment or location, launched by GraphQL."""

    url: Text
    job: Text
    repository: Text = "__repository__"
    location: Text
    run_config: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _address(self) -> Self:
        check_address(self.url)
        return self


class WritePath(Section):
    """One path by which the host writes audited rows, for STG-02.

    `{correlation_id}` stands for a fresh one in body, command and run_config; an SQL statement takes it as
    `%(correlation_id)s`.
    """

    name: Text
    kind: Literal["http", "job"]
    environments: tuple[EnvironmentName, ...] = ()
    writes: tuple[Write, ...] = ()
    actor_types: tuple[Literal["user", "admin", "service_account", "job", "system", "anonymous"], ...] = ()
    timeout_s: PositiveInt = 15
    not_applicable: Text | None = None
    method: Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    url: Text | None = None
    headers: dict[str, Text] = Field(default_factory=dict)
    body: dict[str, Any] | None = None
    expected_status: PositiveInt = 200
    correlation_header: Text = "X-Correlation-ID"
    command: tuple[StrictStr, ...] = ()
    sql: StrictStr | None = None
    dagster: DagsterJob | None = None

    @property
    def safe(self) -> bool:
        """Whether exercising it can be assumed to change nothing."""
        return self.kind == "http" and self.method in SAFE_METHODS

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = {"command": self.command, "sql": self.sql, "dagster": self.dagster}
        given = [name for name, value in ways.items() if value]
        if self.not_applicable is not None:
            return self
        if self.kind == "http" and (self.url is None or given):
            raise ValueError(f"write path {self.name!r} of kind http needs a url, and none of {', '.join(ways)}")
        if self.kind == "job" and (len(given) != 1 or self.url is not None):
            raise ValueError(f"write path {self.name!r} of kind job needs exactly one of {', '.join(ways)}")
        if not self.writes:
            raise ValueError(f"write path {self.name!r} does not say what it writes")
        if self.url is not None:
            check_address(self.url)
        if self.sql is not None and not self.sql.lower().startswith("insert "):
            raise ValueError(f"the sql of write path {self.name!r} must be one insert, into the host's queue")
        return self


def check_address(url: str) -> None:
    """Refuse an address that is no plain http(s) URL; one with a password would end up in evidence."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address must start with http:// or https:// and name a host")
    if parts.username or parts.password:
        raise ValueError("an address must not hold a user or password; put them into headers, by variable name")


def hide(plain: dict[str, Any]) -> None:
    """Reduce what evidence must not quote to whether it is set, in settings as plain data."""
    for environment in plain["environments"].values():
        environment.update({name: "set" if environment[name] else None for name in ENVIRONMENT_SECRETS})
    for path in plain["write_paths"]:
        path.update({name: "set" if path[name] else None for name in PATH_CONTENT})
