"""Recording a run from inside the operation, so that no caller can forget to."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from threadline_ops import telemetry
from threadline_ops.database import Identity
from threadline_ops.errors import OpsError
from threadline_ops.evidence import attempts, body
from threadline_ops.evidence.anchor import Anchoring, anchor
from threadline_ops.evidence.attempts import Attempt
from threadline_ops.evidence.claims import Claim, Control, Finding, Severity
from threadline_ops.evidence.logfile import LogFile, damage_is_noticed
from threadline_ops.evidence.reconcile import finish_killed
from threadline_ops.evidence.record import dumps
from threadline_ops.evidence.redaction import scrubbed, scrubber
from threadline_ops.evidence.store import Head, Store, store_of
from threadline_ops.plain import plain
from threadline_ops.progress import Interrupted
from threadline_ops.settings import Settings


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
        pooler: what stands before the database, once known.
        subject: what the run is about, as JSON data; runs on equal subjects can build on one another.
        about: the one of several things that the operation was run on, such as a table: the success of one says
            nothing about the failure of another.
        head: the record's place in the chain, once the run has ended.
        anchoring: whether that place is anchored in the database, once the run has ended.
        attempts: where the run was tried more than once, all of them; everything else tells of the last.
        held: whether another attempt follows, so that this end is not the run's.
    """

    run_id: str
    operation: str
    mode: str
    command: str
    store: Store
    started: datetime
    echo: Callable[[str], None]
    log_file: LogFile
    scrub: Callable[[str], str]
    outcome: str = "complete"
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    figures: dict[str, Any] = field(default_factory=dict[str, Any])
    statements: tuple[str, ...] = ()
    identity: Identity | None = None
    pooler: str | None = None
    subject: Any = None
    about: str | None = None
    head: Head | None = None
    anchoring: Anchoring | None = None
    claims: list[Claim] = field(default_factory=list[Claim])
    findings: list[Finding] = field(default_factory=list[Finding])
    scopes: list[str] = field(default_factory=list[str])
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    held: bool = False
    _expected: list[str] = field(default_factory=list[str])
    _log_rows: list[str] = field(default_factory=list[str])
    clock: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    error: str | None = None

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
        line = self.scrub(line)
        self.log_file.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {line}\n")
        self.echo(line)

    def expect(self, *rows: str) -> None:
        """Name the backlog rows that this run is to prove: if it fails before it can, they become an Issue."""
        self._expected.extend(rows)

    def support(
        self,
        row: str,
        *,
        ok: bool = True,
        detail: str,
        control: Control | None = None,
        facts: Mapping[str, str] | None = None,
        after: str | None = None,
    ) -> None:
        """Say what this run found out about a backlog row; see `Claim` for the arguments."""
        self.claims.append(Claim(row, ok, detail, control, facts or {}, after))

    def support_by_log(self, *rows: str) -> None:
        """Claim rows that hold when this run's log was stored and can be read again."""
        self._log_rows.extend(rows)

    def finding(
        self,
        area: str,
        code: str,
        symptom: str,
        severity: Severity = "P1",
        *,
        scope: str | None = None,
        rows: tuple[str, ...] = (),
    ) -> None:
        """Report a problem that no row names; see `Finding` for the arguments."""
        self.findings.append(Finding(area, code, symptom, severity, scope, rows))

    def looked_through(self, *scopes: str) -> None:
        """Say what was looked through to its end: what was found there before and is not found now is closed."""
        self.scopes.extend(scopes)

    def end(self, outcome: str, line: str, error: BaseException | None = None) -> None:
        """Note an end that is not the operation's own, with its reason."""
        self.outcome = outcome
        self.error = None if error is None else type(error).__name__
        self.log(line)

    def close(self, settings: Settings) -> None:
        """Store log and record, in this order: a record never names a log that is not there."""
        log = self.log_file.finish()
        self._claim_the_rest(log)

        def build(sequence: int, previous: str) -> bytes:
            whole = body.record(self, settings, log)
            chained = {"sequence": sequence, "previous": previous, "store": settings.evidence_store}
            return dumps(scrubbed(whole, self.scrub) | chained)

        self.head = self.store.put(self.run_id, build)
        self.store.clear(self.run_id)

    def _claim_the_rest(self, log: dict[str, Any]) -> None:
        noticed = Control("one byte of the stored log changed", failed=damage_is_noticed(self.log_path))
        for row in self._log_rows:
            self.support(row, ok=log["reread"], detail="the run's log was stored and read back", control=noticed)
        claimed = {claim.row for claim in self.claims}
        if self.outcome == "failed":
            for row in self._expected:
                if row not in claimed:
                    self.support(row, ok=False, detail=f"{self.operation} failed before it could show this")


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
        EvidenceError: the store cannot be written; raised before the operation starts. Or, where
            `evidence.anchor = "required"`, the record could not be anchored; raised at the very end.
    """
    store = store_of(settings)
    run, started = run_id or str(uuid.uuid4()), datetime.now(UTC)
    finish_killed(store, settings)
    earlier = attempts.earlier(store, run)
    opening = body.opening(settings, operation, run, mode, command, earlier[0].started if earlier else started)
    with (
        store.log(run, opening, resume=bool(earlier)) as log_file,
        telemetry.observed(operation, mode=mode, environment=settings.environment, run_id=run) as observation,
    ):
        first = earlier[0].started if earlier else started
        active = Recording(run, operation, mode, command, store, first, echo, log_file, scrubber(settings))
        active.attempts = earlier
        try:
            with _ended(active):
                yield active
        finally:
            active.seconds = round(time.monotonic() - active.clock, 3)
            database = active.identity.database if active.identity else None
            observation.end(active.outcome, active.seconds, plain(active.figures), database, active.error)
            if active.held or earlier:
                active.attempts.append(Attempt(started, datetime.now(UTC), active.outcome))
            if active.held:
                active.log(f"attempt {len(active.attempts)} is over; another one follows")
                attempts.hold(store, run, opening, active.attempts)
            else:
                active.close(settings)
                active.anchoring = _anchor(active, settings)
    assert active.anchoring is not None
    if active.anchoring.missing and settings.evidence.anchor == "required":
        raise active.anchoring.error()


@contextmanager
def _ended(active: Recording) -> Generator[None]:
    """Note how the operation ended, and whether it is tried again."""
    try:
        yield
    except Interrupted:
        active.end("canceled", "stopped on request after the step in hand; what is reported above is committed")
        raise
    except OpsError as error:
        outcome = "failed" if active.figures else "refused"
        active.end(outcome, f"{outcome}: {type(error).__name__}: {error}", error)
        active.held = attempts.another_follows(error)
        raise
    except BaseException as error:
        # Only the type: the text of a foreign exception may quote anything.
        active.end("failed", f"failed: {type(error).__name__}", error)
        active.held = attempts.another_follows(error)
        raise


def _anchor(active: Recording, settings: Settings) -> Anchoring:
    assert active.head is not None
    if active.identity is None:
        # A run that did not reach the database; the next one that does anchors the whole chain up to it.
        return Anchoring("skipped", "this run did not reach the database")
    result = anchor(settings, active.head, active.run_id)
    if result.missing:
        active.echo(f"evidence is not anchored: {result.detail}")
    return result
