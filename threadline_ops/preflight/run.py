"""One preflight run: looks at the host and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from threadline_ops import evidence
from threadline_ops.database import opened
from threadline_ops.errors import DatabaseError
from threadline_ops.preflight import backups, distribution, review
from threadline_ops.sections import CaptureTable
from threadline_ops.settings import Settings

OPERATION = "host_preflight"

#: How far back the newest purge is looked for; a purge that is older is beyond any row's validity.
_RECORDS_BACK = 2_000


def run_preflight(
    settings: Settings, *, run_id: str | None = None, echo: Callable[[str], None] = lambda _: None
) -> evidence.Recording:
    """Look at the installed release, the redaction sign-off and the backups, leaving one evidence record.

    A database that cannot be reached leaves the rows about it as they are; the record says so.

    Args:
        settings: what is expected of this host.
        run_id: Dagster's; made up when there is none.
        echo: receives each line of the run's log.

    Raises:
        EvidenceError: the store cannot be written.
    """
    command = "threadline-ops backlog render"
    with evidence.recording(settings, OPERATION, run_id=run_id, mode="check", command=command, echo=echo) as recording:
        _distribution(settings, recording)
        _review(settings, recording)
        if settings.dsn is None:
            recording.log("no connection string is set, so nothing is said about backups")
        else:
            try:
                _backups(settings, recording)
            except DatabaseError as error:
                recording.outcome = "unreachable"
                recording.log(f"nothing can be said about backups: {error.what}")
    return recording


def _distribution(settings: Settings, recording: evidence.Recording) -> None:
    if settings.backlog.release_tag:
        reason = distribution.version_objection(settings.backlog.release_tag)
        recording.support(
            "distribution.version_matches_tag",
            ok=reason is None,
            detail=reason or f"release {settings.backlog.release_tag} is installed",
            control=evidence.control("another tag", lambda: distribution.version_objection("v0.0.0.dev0") is None),
        )
    else:
        recording.log("set backlog.release_tag to compare the installed release with it")
    unmet = distribution.unmet(distribution.requirements())
    recording.support(
        "distribution.dependencies_resolve",
        ok=not unmet,
        detail="; ".join(unmet) or f"{len(distribution.requirements())} requirements are met",
        control=evidence.control("a requirement below any release", lambda: not distribution.unmet(["rfc8785<0.0.1"])),
    )


def _review(settings: Settings, recording: evidence.Recording) -> None:
    sha256 = review.policy_sha256(settings.capture)
    recording.figures.update(redaction_policy_sha256=sha256, captured_tables=len(settings.capture.tables))
    signed = settings.backlog.redaction_review
    if signed is None:
        recording.log(f"the redaction policy has no sign-off; its hash is {sha256}")
        return
    today = datetime.now(UTC).date()
    reason = review.objection(settings.capture, signed, today)
    tables = settings.capture.tables | {"control.control": CaptureTable(mask=("control",))}
    changed = settings.capture.model_copy(update={"tables": tables})
    recording.support(
        "redaction.policy_reviewed",
        ok=reason is None,
        detail=reason or f"{signed.reviewer} reviewed this policy on {signed.date}",
        control=evidence.control("one more masked column", lambda: review.objection(changed, signed, today) is None),
    )


def _backups(settings: Settings, recording: evidence.Recording) -> None:
    with opened(settings, OPERATION) as database:
        recording.identity = database.identity()
        with database.transaction(read_only=True):
            archiver = backups.Archiver(*database.one("preflight/archiver"))
    recording.statements = ("preflight/archiver",)
    recording.figures.update(archive_mode=archiver.mode, wal_archived=archiver.archived, wal_failed=archiver.failed)
    if not settings.backlog.backup_command:
        recording.log("set backlog.backup_command, so that the recoverable window can be read")
        if archiver.mode == "off":
            recording.support(
                "retention.backups_aligned", ok=False, detail=str(backups.objection(archiver, None, None))
            )
        return
    window = backups.run_command(settings.backlog.backup_command)
    if isinstance(window, str):
        recording.support("retention.backups_aligned", ok=False, detail=window)
        return
    purged = _newest_purge(settings)
    reason = backups.objection(archiver, window, purged)
    off = replace(archiver, mode="off")
    recording.support(
        "retention.backups_aligned",
        ok=reason is None,
        detail=reason or "archiving works, and backups reach back beyond the newest purge",
        control=evidence.control("archiving switched off", lambda: backups.objection(off, window, purged) is None),
    )


def _newest_purge(settings: Settings) -> datetime | None:
    store = evidence.store_of(settings)
    for place in reversed(store.sequences()[-_RECORDS_BACK:]):
        record = evidence.Record.parse(store.chain_path(place).read_bytes())
        if (record.operation, record.mode) == ("retention_purge", "execute") and record.body["figures"]:
            return datetime.fromisoformat(record.body["started"])
    return None
