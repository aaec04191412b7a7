"""Set a write path in motion with a correlation id, and say whether it answered as declared."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, LiteralString, cast

from psycopg import sql

from threadline_ops.database import Database
from threadline_ops.declared import DagsterJob, WritePath
from threadline_ops.errors import TopologyError

PLACEHOLDER = "{correlation_id}"
#: A job finds its correlation id here as well.
VARIABLE = "THREADLINE_CORRELATION_ID"
#: The suite's own connection strings are not the host's business.
_OURS = "THREADLINE_OPS_"

#: Of the three outcomes that a launch may have, only the name is asked for: texts may quote anything.
LAUNCH = """
mutation Launch($execution: ExecutionParams!) {
  launchRun(executionParams: $execution) { __typename }
}
"""


@dataclass(frozen=True)
class Answer:
    """How the path answered; `observed` never quotes a body or an output, which may hold anything."""

    expected: bool
    observed: str


def missing_variables(path: WritePath) -> list[str]:
    """Environment variables that the path's headers need and that are not set."""
    return sorted({name for name in path.headers.values() if name not in os.environ})


def exercise(path: WritePath, correlation_id: str, database: Database) -> Answer:
    """Run the path once.

    Args:
        path: as declared.
        correlation_id: fresh; nothing else carries it.
        database: for a job that starts with a row in the host's queue.

    Raises:
        TopologyError: the path could not be set in motion.
    """
    if path.kind == "http":
        return _request(path, correlation_id)
    if path.command:
        return _command(path, correlation_id)
    if path.dagster:
        return _launch(path.dagster, correlation_id, path.timeout_s)
    return _enqueue(path, correlation_id, database)


def _request(path: WritePath, correlation_id: str) -> Answer:
    assert path.url is not None
    headers = {name: os.environ[variable] for name, variable in path.headers.items()}
    status = _send(
        path.url, path.method, _filled(path.body, correlation_id), path.timeout_s,
        headers | {path.correlation_header: correlation_id},
    )[0]  # fmt: skip
    return Answer(
        status == path.expected_status, f"{path.method} answered {status}, declared is {path.expected_status}"
    )


class _Unredirected(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other: following it could write somewhere that nobody declared."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:  # pyright: ignore[reportUnusedParameter]
        del args, kwargs


def _send(url: str, method: str, body: Any, timeout_s: int, headers: dict[str, str]) -> tuple[int, bytes]:
    data = None if body is None else json.dumps(body).encode()
    kind = {} if body is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data, kind | headers, method=method)  # noqa: S310 - settings allow http(s) only
    try:
        with urllib.request.build_opener(_Unredirected).open(request, timeout=timeout_s) as response:
            return int(response.status), response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""
    except (OSError, http.client.HTTPException, ValueError) as error:
        # Only the type: the text may quote a header.
        raise TopologyError(
            f"the path's address gave no answer: {type(error).__name__}",
            fix="check url and timeout_s, and that the host runs",
        ) from None


def _command(path: WritePath, correlation_id: str) -> Answer:
    words = [word.replace(PLACEHOLDER, correlation_id) for word in path.command]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    try:
        done = subprocess.run(
            words, env=environment | {VARIABLE: correlation_id}, timeout=path.timeout_s, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Answer(False, f"the command did not end within {path.timeout_s} s and was killed")
    except OSError as error:
        raise TopologyError(
            f"the path's command cannot be started: {error.strerror}", got=path.command[0], fix="correct command"
        ) from None
    return Answer(done.returncode == 0, f"the command ended with status {done.returncode}")


def _enqueue(path: WritePath, correlation_id: str, database: Database) -> Answer:
    assert path.sql is not None
    with database.transaction() as connection:
        # The operator's own statement from the settings, which is as trusted as a command.
        statement = sql.SQL(cast("LiteralString", path.sql))
        rows = connection.execute(statement, {"correlation_id": correlation_id}).rowcount
    return Answer(rows == 1, f"{rows} rows were put into the queue")


def _launch(job: DagsterJob, correlation_id: str, timeout_s: int) -> Answer:
    execution = {
        "selector": {
            "repositoryLocationName": job.location,
            "repositoryName": job.repository,
            "jobName": job.job,
        },
        "runConfigData": _filled(job.run_config, correlation_id),
        "executionMetadata": {"tags": [{"key": "threadline/correlation_id", "value": correlation_id}]},
    }
    payload = {"query": LAUNCH, "variables": {"execution": execution}}
    status, content = _send(job.url, "POST", payload, timeout_s, {})
    kind = _outcome(content) if status == http.client.OK else f"status {status}"
    return Answer(kind == "LaunchRunSuccess", f"Dagster answered {kind}")


def _outcome(content: bytes) -> str:
    try:
        return str(json.loads(content)["data"]["launchRun"]["__typename"])
    except (ValueError, KeyError, TypeError):
        return "something else than the outcome of a launch"


def _filled(value: Any, correlation_id: str) -> Any:
    match value:
        case str():
            return value.replace(PLACEHOLDER, correlation_id)
        case dict():
            return {key: _filled(inner, correlation_id) for key, inner in cast("dict[str, Any]", value).items()}
        case list() | tuple():
            return [_filled(inner, correlation_id) for inner in cast("list[Any]", value)]
        case _:
            return value
