"""The retention purge as a Dagster op, and the asset that it works on."""

from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from typing import Any

import dagster as dg
from pydantic import Field

from assets.failures import run_of
from assets.keys import key_of
from assets.pools import AUDIT_PURGE
from assets.resources import Operations
from threadline_ops.alerts.view import view
from threadline_ops.errors import PolicyError
from threadline_ops.retention import PurgeReport, PurgeRequest, run_purge
from threadline_ops.settings import Settings

AUDIT_CHANGES = key_of("audit_changes")

audit_changes = dg.AssetSpec(
    AUDIT_CHANGES,
    description="Every captured row change of the audited database. `retention_purge` deletes those that are past "
    "the retention window; a dry run observes what it would delete.",
    group_name="retention",
    kinds={"postgres"},
    metadata={"dagster/table_name": "audit_changes"},
)


class Mode(Enum):
    """What a purge run does."""

    dry_run = "dry_run"
    execute = "execute"


def moment(given: str | None) -> datetime | None:
    """A cutoff as the Launchpad gives it.

    Raises:
        PolicyError: it is not a time.
    """
    try:
        return None if given is None else datetime.fromisoformat(given)
    except ValueError:
        raise PolicyError(
            "the cutoff is not an ISO 8601 time", got=given, fix="write it like 2026-01-31T00:00:00Z"
        ) from None


def purge_event(mode: str, metadata: dict[str, Any]) -> dg.AssetMaterialization | dg.AssetObservation:
    """What a purge was for its asset; yielded, not logged: a failure that follows would drop what waits for the end."""
    kind = dg.AssetMaterialization if mode == Mode.execute.value else dg.AssetObservation
    return kind(AUDIT_CHANGES, metadata=metadata)


class PurgeConfig(dg.Config):
    """What one purge run is asked to do; everything else comes from the settings."""

    mode: Mode = Field(
        default=Mode.dry_run,
        description="dry_run counts and deletes nothing. execute deletes, if retention.enabled = true as well.",
    )
    cutoff: str | None = Field(
        default=None,
        description="An older cutoff than the policy's, ISO 8601 with a zone: 2026-01-31T00:00:00Z.",
    )
    batch_size: int | None = Field(default=None, description="Changes a batch, instead of the setting.")
    max_batches: int | None = Field(default=None, description="Batches at most, instead of the setting.")
    workers: int | None = Field(default=None, description="Connections that delete at a time, instead of the setting.")
    full_speed: bool = Field(default=False, description="Do not give way to writers, whatever the setting says.")

    def request(self) -> PurgeRequest:
        """The same in the library's terms.

        Raises:
            PolicyError: the cutoff is not a time.
        """
        return PurgeRequest(
            execute=self.mode is Mode.execute,
            cutoff=moment(self.cutoff),
            batch_size=self.batch_size,
            max_batches=self.max_batches,
            workers=self.workers,
            full_speed=self.full_speed,
        )


@dg.op(
    description="Counts, or deletes in small committed batches, the changes that are past the retention window. A "
    "termination ends the run cleanly after the batch in hand.",
    out=dg.Out(dg.Nothing),
    tags={"dagster/kind": "postgres"},
    pool=AUDIT_PURGE,
)
def purge_expired_changes(
    context: dg.OpExecutionContext, config: PurgeConfig, operations: Operations
) -> Iterator[dg.AssetMaterialization | dg.AssetObservation]:
    """One purge run; the lock in the audited database, not the pool, keeps a second one out."""
    with run_of(context) as terms:
        report = run_purge(
            operations.settings(),
            config.request(),
            **terms,
        )
    metadata = _metadata(report)
    yield purge_event(report.mode, metadata)
    if report.result and report.result.outcome == "capped":
        raise dg.Failure(
            description=f"the purge stopped at its cap: {report.result.remaining_changes} expired changes "
            "remain; run it again, or allow more batches or time",
            metadata=metadata,
            allow_retries=False,
        )


def unfinished_purge(settings: Settings) -> str | None:
    """The run that purged last, if it stopped at a cap and got somewhere: another would go on where it ended.

    One that deleted nothing stopped at the end of its hours, and another would do the same.
    """
    record = view(settings).executed.get("retention_purge")
    if record is None or record.outcome != "capped":
        return None
    return record.run_id if record.body["figures"].get("deleted_changes") else None


def _metadata(report: PurgeReport) -> dict[str, Any]:
    """Counts and places; numbers plot by themselves in the UI."""
    shared: dict[str, Any] = {
        "mode": report.mode,
        "seconds": report.seconds,
        "evidence": dg.MetadataValue.path(str(report.evidence)),
        "log": dg.MetadataValue.path(str(report.log)),
    }
    if seen := report.preview:
        return shared | {
            "cutoff": dg.MetadataValue.timestamp(seen.cutoff),
            "expired_changes": seen.expired_changes,
            "emptied_transactions": seen.emptied_transactions,
            "straddling_transactions": seen.straddling_transactions,
            "kept_changes": seen.kept_changes,
            "held_changes": seen.held_changes,
            "already_empty_transactions": seen.already_empty_transactions,
            "bytes": seen.bytes,
            "batches": seen.batches,
            "actions": seen.actions,
            "partitions": list(seen.partitions),
            "estimated_seconds": seen.seconds,
        }
    done = report.result
    assert done is not None
    return shared | {
        "cutoff": dg.MetadataValue.timestamp(done.cutoff),
        "outcome": done.outcome,
        "deleted_changes": done.deleted_changes,
        "deleted_transactions": done.deleted_transactions,
        "batches": done.batches,
        "remaining_changes": done.remaining_changes,
        "held_changes": done.held_changes,
        "deleted_actions": done.deleted_actions,
        "partitions": list(done.partitions),
        "by_rows": done.by_rows or "",
    }
