"""Every audited table as an external asset, with checks that say in a sentence what is proved of it."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from assets.evaluations import ASSERTIONS, AUDIT_TRAIL, GROUP, asset_key, evaluations, observations
from assets.failures import failures
from assets.labels import check_spec
from assets.pools import AUDIT_CHECKS
from assets.resources import Operations
from threadline_ops.capture.names import Table
from threadline_ops.coverage import Check, DoctorReport, Finding, Inventory, Severity, expected_tables
from threadline_ops.coverage.audit_tables import examine as examine_audit_tables
from threadline_ops.coverage.growth import Activity, activity
from threadline_ops.coverage.inventory import inventory
from threadline_ops.coverage.run import run_doctor
from threadline_ops.database import Database, opened
from threadline_ops.settings import Settings
from threadline_ops.stopping import stop_requested

#: What is asserted of each table.
TABLE_CHECKS = (Check.TRIGGER, Check.FUNCTION, Check.REDACTION)
#: What the catalog alone decides, so that the sensor can say it every minute.
CATALOG_CHECKS = (*TABLE_CHECKS, Check.EXPECTED, Check.FORGERY, Check.TABLES, Check.FIRING, Check.INDEXES)
#: What recorded changes decide, of which only the newest are read.
SCANNING_CHECKS = (Check.ONE_LIFE, Check.READABLE, Check.CLEAR_TEXT)
#: Without any change, evaluations are repeated so often that a silent sensor shows.
REPEAT = timedelta(hours=1)


def audited_assets(settings: Settings) -> list[dg.AssetSpec]:
    """One external asset for each table that must be captured, and one for the audit trail itself."""
    tables = [
        dg.AssetSpec(
            asset_key(table),
            description=f"Table `{table}` of the audited database. Observed, never written: how much of it was "
            "captured lately, and whether capture can be trusted.",
            group_name=GROUP,
            kinds={"postgres"},
            metadata={"dagster/table_name": str(table)},
        )
        for table in sorted(expected_tables(settings))
    ]
    trail = dg.AssetSpec(
        AUDIT_TRAIL,
        description="The audit trail as a whole: the audit tables, who can write them, and what they hold.",
        group_name=GROUP,
        kinds={"postgres"},
        deps=[spec.key for spec in tables],
    )
    return [*tables, trail]


def check_specs(settings: Settings) -> list[dg.AssetCheckSpec]:
    """Every assertion, of every table and of the database."""

    def spec(check: Check, asset: dg.AssetKey) -> dg.AssetCheckSpec:
        return check_spec(check.value, asset, ASSERTIONS[check], settings)

    tables = [spec(check, asset_key(table)) for table in sorted(expected_tables(settings)) for check in TABLE_CHECKS]
    return [*tables, *(spec(check, AUDIT_TRAIL) for check in Check)]


def examination(settings: Settings) -> dg.AssetChecksDefinition:
    """The op that examines everything and evaluates every check.

    Args:
        settings: which tables there are; the run itself reads the settings again.
    """

    @dg.multi_asset_check(
        name="examine_audited_database",
        specs=check_specs(settings),
        description="Compares capture with the settings, examines the audit tables and what they hold, and probes "
        "the tables whose owners allow it.",
        pool=AUDIT_CHECKS,
        # Otherwise the UI could execute no check of one table, because that would leave the others out.
        can_subset=True,
    )
    def examine_audited_database(
        context: dg.AssetCheckExecutionContext, operations: Operations
    ) -> Iterator[dg.AssetCheckResult]:
        current = operations.settings()
        with failures(), stop_requested() as should_stop:
            report = run_doctor(
                current,
                run_id=context.run.run_id,
                started_by=_started_by(context.run.tags),
                should_stop=should_stop,
                echo=context.log.info,
            )
            with opened(current, "coverage") as database:
                lately = _activity(database, sorted(expected_tables(settings)))
        seen = report.diagnosis.inventory
        for observation in observations(seen, lately, _trail_metadata(report)):
            context.op_execution_context.log_event(observation)
        asked = [spec for spec in check_specs(settings) if spec.key in context.selected_asset_check_keys]
        for evaluation in evaluations(seen, report.diagnosis.findings, asked):
            reach = _reach(report, evaluation)
            yield dg.AssetCheckResult(
                asset_key=evaluation.asset_key,
                check_name=evaluation.check_name,
                passed=evaluation.passed,
                severity=evaluation.severity,
                description=evaluation.description or reach or None,
                metadata={**evaluation.metadata, **({"partial_scan": reach} if reach else {})},
            )

    return examine_audited_database


@dataclass(frozen=True)
class Watched:
    """What one look at the catalog comes to.

    Attributes:
        cursor: to be handed to the next look.
        drift: how often the catalog or the settings changed so far, when they changed since the last look.
    """

    cursor: str
    events: tuple[dg.AssetObservation | dg.AssetCheckEvaluation, ...] = ()
    drift: int | None = None


def watch(settings: Settings, cursor: str | None) -> Watched:
    """Look at the catalog; say something only when it changed, or nothing was said for an hour.

    Raises:
        OpsError: the database did not answer.
    """
    last: dict[str, Any] = json.loads(cursor) if cursor else {}
    with opened(settings, "coverage_sensor") as database:
        seen = inventory(database, settings)
        with database.transaction(read_only=True):
            found = examine_audit_tables(database, settings)
        now = database.now()
        fingerprint = _fingerprint(seen, found, settings)
        changed = fingerprint != last.get("fingerprint")
        if not changed and now - datetime.fromisoformat(last["said"]) < REPEAT:
            return Watched(json.dumps(last))
        lately = _activity(database, sorted(expected_tables(settings)))
    drifts = last.get("drifts", 0) + changed
    specs = [spec for spec in check_specs(settings) if Check(spec.name) in CATALOG_CHECKS]
    events = (
        *observations(seen, lately, {}),
        *evaluations(seen, (*seen.all_findings, *found), specs),
    )
    state = {"fingerprint": fingerprint, "said": now.isoformat(), "drifts": drifts}
    return Watched(json.dumps(state), events, drifts if changed else None)


def _trail_metadata(report: DoctorReport) -> dict[str, Any]:
    size = report.diagnosis.growth
    metadata: dict[str, Any] = {severity.value: report.diagnosis.count(severity) for severity in Severity}
    metadata |= {
        "bytes": size.bytes,
        "changes_last_day": size.changes_last_day,
        "evidence": dg.MetadataValue.path(str(report.evidence)),
        "log": dg.MetadataValue.path(str(report.log)),
    }
    reach = report.diagnosis.scanned
    if reach:
        metadata |= {"scanned_changes": reach.changes, "scan_partial": reach.partial}
    known = {"bytes_per_day": size.bytes_per_day, "days_left": size.days_left}
    return metadata | {name: value for name, value in known.items() if value is not None}


def _reach(report: DoctorReport, evaluation: dg.AssetCheckEvaluation) -> str:
    """What a check that scans changes did not look at; empty when it looked at all of them."""
    reach = report.diagnosis.scanned
    scans = evaluation.asset_key == AUDIT_TRAIL and Check(evaluation.check_name) in SCANNING_CHECKS
    return str(reach) if reach and reach.partial and scans else ""


def _started_by(tags: Mapping[str, str]) -> str | None:
    """The sensor or schedule that asked for a run; None when a person did."""
    known = ((kind, tags.get(f"dagster/{kind}_name")) for kind in ("sensor", "schedule"))
    return next((f"{kind} {name}" for kind, name in known if name), None)


def _activity(database: Database, tables: Sequence[Table]) -> list[Activity]:
    now = database.now()
    with database.transaction(read_only=True):
        return activity(database, tables, now=now)


def _fingerprint(seen: Inventory, found: Sequence[Finding], settings: Settings) -> str:
    parts = (
        seen.fingerprint,
        *(f"{finding.id} {finding.subject} {finding.what}" for finding in found),
        settings.capture.model_dump_json(),
        settings.coverage.model_dump_json(),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
