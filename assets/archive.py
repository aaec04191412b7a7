"""The archive as a Dagster asset, one partition a UTC day, and the ops that verify it and purge by it."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
from pydantic import Field

from assets.failures import run_of
from assets.keys import key_of
from assets.pools import AUDIT_DATABASE, AUDIT_PURGE
from assets.resources import Operations
from assets.retention import Mode, moment, purge_event
from threadline_ops.archive import (
    GatedReport,
    GatedRequest,
    VerifyReport,
    WriteReport,
    WriteRequest,
    run_gated_purge,
    run_verify,
    run_write,
)
from threadline_ops.errors import SettingsError

AUDIT_ARCHIVE = key_of("audit_archive")
#: Days of captured_at. The first one is only where the calendar of partitions begins; older days are archived, too.
archive_days = dg.DailyPartitionsDefinition(start_date="2015-01-01", timezone="UTC")


class WriteConfig(dg.Config):
    """What one run is asked to archive; the days are its partitions."""

    again: bool = Field(default=False, description="Write another version of days that are archived already.")


@dg.multi_asset(
    # By name: the Launchpad's config is then the same with and without an environment in the key.
    name="audit_archive",
    specs=[
        dg.AssetSpec(
            AUDIT_ARCHIVE,
            group_name="archive",
            kinds={"postgres", "parquet"},
            description="The changes of one UTC day as Parquet, with a manifest that proves them. Written once no "
            "open or prepared transaction can add to the day any more; never overwritten.",
        )
    ],
    partitions_def=archive_days,
    pool=AUDIT_DATABASE,
)
def audit_archive(
    context: dg.AssetExecutionContext, config: WriteConfig, operations: Operations
) -> Iterator[dg.MaterializeResult]:
    """Archive the run's days."""
    days = tuple(date.fromisoformat(key) for key in context.partition_keys)
    with run_of(context) as terms:
        report = run_write(
            operations.settings(),
            WriteRequest(days, again=config.again),
            **terms,
        )
    metadata = _write_metadata(report)
    if report.waiting:
        raise dg.Failure(description=report.waiting, metadata=metadata, allow_retries=True)
    yield dg.MaterializeResult(metadata=metadata)


class VerifyConfig(dg.Config):
    """What one verification is asked to do."""

    days: list[str] = Field(default_factory=list, description="UTC days like 2026-01-31; all where none is named.")
    live: bool = Field(default=False, description="Compare with the live rows, too.")


@dg.op(
    description="Reads the archive back and computes every digest again from the files' own bytes. Fails when anything "
    "is not as it was written.",
    out=dg.Out(dg.Nothing),
    tags={"dagster/kind": "parquet"},
    pool=AUDIT_DATABASE,
)
def verify_archive(
    context: dg.OpExecutionContext, config: VerifyConfig, operations: Operations
) -> Iterator[dg.AssetObservation]:
    """One verification."""
    with run_of(context) as terms:
        report = run_verify(
            operations.settings(),
            days=_days(config.days),
            live=config.live,
            **terms,
        )
    metadata = _verify_metadata(report)
    yield dg.AssetObservation(AUDIT_ARCHIVE, metadata=metadata)
    if report.problems:
        raise dg.Failure(
            description=f"{len(report.problems)} problems, first: {report.problems[0]}",
            metadata=metadata,
            allow_retries=False,
        )


class GatedConfig(dg.Config):
    """What one purge by the archive is asked to do; everything else comes from the settings."""

    mode: Mode = Field(
        default=Mode.dry_run,
        description="dry_run counts, archives nothing and deletes nothing. execute archives, reads back and deletes, "
        "if retention.enabled = true as well.",
    )
    cutoff: str | None = Field(default=None, description="An older cutoff than the policy's, ISO 8601 with a zone.")
    max_batches: int | None = Field(default=None, description="Slices at most, instead of the setting.")
    full_speed: bool = Field(default=False, description="Do not give way to writers, whatever the setting says.")

    def request(self) -> GatedRequest:
        """The same in the library's terms.

        Raises:
            PolicyError: the cutoff is not a time.
        """
        return GatedRequest(self.mode is Mode.execute, moment(self.cutoff), self.max_batches, self.full_speed)


@dg.op(
    description="Archives expired days, reads them back, and deletes slice by slice what is the same in both places. "
    "A termination ends the run cleanly after the slice in hand.",
    out=dg.Out(dg.Nothing),
    tags={"dagster/kind": "postgres"},
    pool=AUDIT_PURGE,
)
def purge_archived_changes(
    context: dg.OpExecutionContext, config: GatedConfig, operations: Operations
) -> Iterator[dg.AssetMaterialization | dg.AssetObservation]:
    """One purge by the archive."""
    with run_of(context) as terms:
        report = run_gated_purge(
            operations.settings(),
            config.request(),
            **terms,
        )
    metadata = _purge_metadata(report)
    yield purge_event(report.mode, metadata)
    if report.result.outcome not in ("complete", "dry_run"):
        raise dg.Failure(
            description=f"the purge is not complete: {report.result.outcome}; the run's log says what is left and why",
            metadata=metadata,
            allow_retries=False,
        )


def _days(given: list[str]) -> tuple[date, ...]:
    try:
        return tuple(date.fromisoformat(text) for text in given)
    except ValueError:
        raise SettingsError("this is no day", got=given, fix="write it like 2026-01-31") from None


def _shared(report: WriteReport | VerifyReport | GatedReport) -> dict[str, Any]:
    remote = "://" in report.location
    return {
        "location": report.location if remote else dg.MetadataValue.path(report.location),
        "seconds": report.seconds,
        "evidence": dg.MetadataValue.path(str(report.evidence)),
        "log": dg.MetadataValue.path(str(report.log)),
    }


def _write_metadata(report: WriteReport) -> dict[str, Any]:
    return _shared(report) | {
        "dagster/row_count": report.rows,
        "days": len(report.days),
        "slices": sum(day.slices for day in report.days),
        "manifests": {f"{day.day} v{day.version}": day.sha256 for day in report.days},
    }


def _verify_metadata(report: VerifyReport) -> dict[str, Any]:
    return _shared(report) | {
        "dagster/row_count": report.rows,
        "days": report.days,
        "problems": [str(problem) for problem in report.problems],
        "compared_with_live": report.compared,
    }


def _purge_metadata(report: GatedReport) -> dict[str, Any]:
    done = report.result
    return _shared(report) | {
        "mode": report.mode,
        "outcome": done.outcome,
        "cutoff": dg.MetadataValue.timestamp(done.cutoff),
        "deleted_changes": done.deleted_changes,
        "deleted_transactions": done.deleted_transactions,
        "slices": done.slices,
        "kept_slices": len(done.kept),
        "differing": [one.report for one in done.differing],
        "unarchived_days": [str(day) for day in done.unarchived],
    }
