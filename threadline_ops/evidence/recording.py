"""Recording a run from inside the operation, so that no caller can forget to."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rfc8785

from threadline_ops import __version__, sql
from threadline_ops.database import Identity
from threadline_ops.errors import OpsError
from threadline_ops.evidence.store import LogFile, Store
from threadline_ops.plain import plain
from threadline_ops.progress import Interrupted
from threadline_ops.settings import Settings

#: Grows when a field changes its meaning; readers refuse what they do not know.
RECORD_VERSION = 1


@dataclass
class Recording:
    """The record of the run at hand, filled while it works.

    Attributes:
        run_id: Dagster's, or made up for the command line.
        operation: its name.
        mode: "dry_run" or "execute".
        outcome: in the operation's own words; "failed", "refused" and "canceled" are set for it.
        parameters: what the run worked with, after settings and flags were merged.
        figures: what it did; kept up to date while it runs.
        statements: the SQL files it used.
        identity: the database, once known.
    """

    run_id: str
    operation: str
    mode: str
    command: str
    store: Store
    started: datetime
    echo: Callable[[str], None]
    log_file: LogFile
    outcome: str = "complete"
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    figures: dict[str, Any] = field(default_factory=dict[str, Any])
    statements: tuple[str, ...] = ()
    identity: Identity | None = None
    _clock: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    @property
    def record_path(self) -> Path:
        """Where the record is, once the run has ended."""
        return self.store.record_path(self.run_id)

    @property
    def log_path(self) -> Path:
        """Where the run's log is, once the run has ended."""
        return self.store.log_path(self.run_id)

    def log(self, line: str) -> None:
        """Add a line to the run's own log, and pass it on to the caller's."""
        self.log_file.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {line}\n")
        self.echo(line)

    def stop_clock(self) -> None:
        """Fix the run's wall time, in seconds."""
        self.seconds = round(time.monotonic() - self._clock, 3)


@contextmanager
def recording(
    settings: Settings,
    operation: str,
    *,
    run_id: str | None,
    mode: str,
    command: str,
    echo: Callable[[str], None] = lambda _: None,
) -> Generator[Recording]:
    """Keep a record of the run inside the `with`, whatever its end.

    Args:
        settings: where evidence is kept, and what to quote of the configuration.
        operation: what runs.
        run_id: Dagster's; made up when there is none.
        mode: "dry_run" or "execute".
        command: the command line that repeats the run.
        echo: receives every log line.

    Raises:
        EvidenceError: the store cannot be written; raised before the operation starts.
    """
    store = Store(settings.evidence.directory)
    run = run_id or str(uuid.uuid4())
    with store.log(run) as log_file:
        active = Recording(run, operation, mode, command, store, datetime.now(UTC), echo, log_file)
        try:
            yield active
        except Interrupted:
            active.outcome = "canceled"
            active.log("stopped on request after the step in hand; what is reported above is committed")
            raise
        except OpsError as error:
            active.outcome = "refused" if not active.figures else "failed"
            active.log(f"{active.outcome}: {type(error).__name__}: {error}")
            raise
        except BaseException as error:
            active.outcome = "failed"
            # Only the type: the text of a foreign exception may quote anything.
            active.log(f"failed: {type(error).__name__}")
            raise
        finally:
            active.stop_clock()
            log = log_file.finish()
            store.put(run, rfc8785.dumps(_record(active, settings, log)))


def _record(active: Recording, settings: Settings, log: dict[str, Any]) -> dict[str, Any]:
    configuration = settings.redacted()
    return {
        "record_version": RECORD_VERSION,
        "run_id": active.run_id,
        "operation": active.operation,
        "mode": active.mode,
        "status": "OK" if active.outcome in ("complete", "dry_run") else "Issue",
        "outcome": active.outcome,
        "class": settings.environment_class,
        "environment": settings.environment,
        "command": active.command,
        "started": active.started.isoformat(),
        "ended": datetime.now(UTC).isoformat(),
        "seconds": active.seconds,
        "database": None if active.identity is None else asdict(active.identity),
        "parameters": plain(active.parameters),
        "figures": plain(active.figures),
        "statements": [{"file": f"{name}.sql", "sha256": sql.digest(name)} for name in active.statements],
        "settings": configuration,
        "settings_sha256": hashlib.sha256(rfc8785.dumps(configuration)).hexdigest(),
        "version": __version__,
        "log": log,
    }
