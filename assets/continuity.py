"""Continuity as Dagster assets and ops: baselines, one partition a table, and what verifications observe."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

import dagster as dg
from pydantic import Field

from assets.failures import run_of
from assets.keys import instance_wide, key_of
from assets.pools import AUDIT_DATABASE
from assets.resources import Operations
from threadline_ops.continuity import (
    BaselineReport,
    Counters,
    Estimate,
    Trail,
    VerifyReport,
    reading,
    run_baseline,
    run_verify,
    tables,
)
from threadline_ops.database import opened
from threadline_ops.plain import plain
from threadline_ops.settings import Settings

CONTINUITY_BASELINE = key_of("continuity_baseline")

#: One partition a table, named schema.table; `continuity_sensor` keeps it in step with the captured tables.
continuity_tables = dg.DynamicPartitionsDefinition(name=instance_wide("continuity_tables"))


class BaselineConfig(dg.Config):
    """What one baseline run is asked to do."""

    refresh: bool = Field(
        default=False, description="Begin a new version although a finished baseline is there; otherwise it is kept."
    )


@dg.multi_asset(
    # By name: the Launchpad's config is then the same with and without an environment in the key.
    name="continuity_baseline",
    specs=[
        dg.AssetSpec(
            CONTINUITY_BASELINE,
            group_name="continuity",
            kinds={"postgres", "parquet"},
            description="A table's rows as they stood at a known snapshot, outside audit_changes: what makes history "
            "whole from there on. Resumes where an earlier run ended; a finished one is kept unless `refresh` is set.",
        )
    ],
    partitions_def=continuity_tables,
    pool=AUDIT_DATABASE,
)
def continuity_baseline(
    context: dg.AssetExecutionContext, config: BaselineConfig, operations: Operations
) -> dg.MaterializeResult:
    """Take the baseline of the partition's table."""
    with run_of(context) as terms:
        report = run_baseline(
            operations.settings(),
            context.partition_key,
            refresh=config.refresh,
            **terms,
        )
    return dg.MaterializeResult(metadata=_baseline_metadata(report))


class VerifyConfig(dg.Config):
    """What one verification run is asked to do."""

    table: str = Field(description="The table, as schema.table.")
    sample: float = Field(default=1.0, description="The part of the baseline's chunks to compare, such as 0.1.")


@dg.op(
    description="Replays baseline and captured changes under one snapshot and compares with the live rows. Fails when "
    "anything got past capture; rows are named only in the report file beside the baseline.",
    out=dg.Out(dg.Nothing),
    tags={"dagster/kind": "postgres"},
    pool=AUDIT_DATABASE,
)
def verify_table(
    context: dg.OpExecutionContext, config: VerifyConfig, operations: Operations
) -> Iterator[dg.AssetObservation]:
    """One verification."""
    with run_of(context) as terms:
        report = run_verify(
            operations.settings(),
            config.table,
            sample=config.sample,
            **terms,
        )
    metadata = _verify_metadata(report)
    yield dg.AssetObservation(CONTINUITY_BASELINE, partition=report.result.table, metadata=metadata)
    if report.result.gaps:
        raise dg.Failure(
            description=f"{report.result.gaps} rows of {report.result.table} got past capture; the report names them",
            metadata=metadata,
            allow_retries=False,
        )


def observe_completeness(
    settings: Settings, cursor: str | None
) -> tuple[list[dg.AssetObservation], list[str], list[str], str]:
    """One reading of every table's statistics.

    Args:
        settings: of the database.
        cursor: what the reading before returned.

    Returns:
        Observations, all tables, those with a sustained surplus, and the next cursor.
    """
    trails = _trails(cursor)
    observations: list[dg.AssetObservation] = []
    kept: dict[str, Trail] = {}
    suspects: list[str] = []
    with opened(settings, "continuity_sensor") as database:
        names = tables(database, settings.continuity)
        for name in names:
            estimate, trail = reading(database, name, trails.get(name))
            observations.append(_observation(name, estimate))
            if trail.sustained:
                # Counting starts anew, so that one surplus asks for one verification.
                suspects.append(name)
                trail = Trail(trail.last, trail.last)
            kept[name] = trail
    return observations, names, suspects, json.dumps({name: plain(asdict(trail)) for name, trail in kept.items()})


def _trails(cursor: str | None) -> dict[str, Trail]:
    return {
        name: Trail(
            _counters(fields["first"]), _counters(fields["last"]), fields["captured"], tuple(fields["surpluses"])
        )
        for name, fields in json.loads(cursor or "{}").items()
    }


def _counters(fields: dict[str, Any]) -> Counters:
    reset = fields["reset"]
    return Counters(
        **fields
        | {
            "at": datetime.fromisoformat(fields["at"]),
            "reset": None if reset is None else datetime.fromisoformat(reset),
        }
    )


def _observation(table: str, estimate: Estimate) -> dg.AssetObservation:
    return dg.AssetObservation(
        CONTINUITY_BASELINE,
        partition=table,
        description="An estimate from statistics, which count aborted writes too; no proof of anything.",
        metadata={
            "estimated_written": estimate.written,
            "captured": estimate.captured,
            "estimated_surplus": estimate.surplus,
            "rollbacks_in_database": estimate.rollbacks,
            "restarted": estimate.restarted,
        },
    )


def _baseline_metadata(report: BaselineReport) -> dict[str, Any]:
    done = report.result
    return {
        "outcome": done.outcome,
        "version": done.version,
        "dagster/partition_row_count": done.rows,
        "chunks": done.chunks,
        "new_chunks": done.new_chunks,
        "origin": done.origin,
        "resumable": done.resumable,
        "excluded": ", ".join(done.excluded) or "none",
        "masked": ", ".join(done.masked) or "none",
        "place": dg.MetadataValue.path(done.place),
        "seconds": report.seconds,
        "evidence": dg.MetadataValue.path(str(report.evidence)),
        "log": dg.MetadataValue.path(str(report.log)),
    }


def _verify_metadata(report: VerifyReport) -> dict[str, Any]:
    done = report.result
    window = {
        name: dg.MetadataValue.timestamp(moment)
        for name, moment in (("gap_since", done.since), ("gap_until", done.until))
        if moment is not None
    }
    return {
        **done.counts,
        **window,
        "gaps": done.gaps,
        "rows": done.rows,
        "changes": done.changes,
        "whole": done.whole,
        "baseline_version": done.version or 0,
        "not_compared": ", ".join(done.not_compared) or "none",
        "origin": done.origin,
        "report": dg.MetadataValue.path(done.report),
        "seconds": report.seconds,
        "evidence": dg.MetadataValue.path(str(report.evidence)),
        "log": dg.MetadataValue.path(str(report.log)),
    }
