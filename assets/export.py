"""The export on demand as a Dagster asset."""

from collections.abc import Iterator
from enum import Enum
from typing import Any

import dagster as dg
from pydantic import Field

from assets.failures import run_of
from assets.keys import key_of
from assets.pools import AUDIT_DATABASE
from assets.resources import Operations
from threadline_ops.export import ExportReport, ExportRequest, Filters, run_export


class Format(Enum):
    """Of the exported files."""

    parquet = "parquet"
    csv = "csv"
    json = "json"
    ndjson = "ndjson"


class FilterConfig(dg.Config):
    """Which changes; all that are given must hold."""

    table: str | None = Field(default=None, description="The table's name, without its schema.")
    actor_ref: str | None = Field(default=None, description="user:42, anonymous, or an actor_ref as JSON.")
    from_: str | None = Field(
        default=None, alias="from", description="Captured then or later, ISO 8601 with a zone: 2026-01-31T00:00:00Z."
    )
    to: str | None = Field(default=None, description="Captured then or earlier.")
    correlation_id: str | None = Field(default=None, description="Of the action that the changes belong to.")

    def filters(self) -> Filters:
        """The same in the library's terms.

        Raises:
            FilterError: a value is malformed.
        """
        given = {
            "table": self.table,
            "actor_ref": self.actor_ref,
            "from": self.from_,
            "to": self.to,
            "correlation_id": self.correlation_id,
        }
        return Filters.parse({key: value for key, value in given.items() if value is not None})


class ExportConfig(dg.Config):
    """What one export is asked to do; everything else comes from the settings."""

    filters: FilterConfig = Field(default_factory=FilterConfig, description="Which changes.")
    format: Format = Field(default=Format.parquet, description="parquet streams without a cap.")
    location: str | None = Field(
        default=None,
        description="A path or URI that does not exist yet; by default one of the run's id below export.directory.",
    )
    hive: bool = Field(default=False, description="Parquet below date=.../table=.../.")
    resume: bool = Field(default=False, description="Go on with an unfinished Parquet export at this location.")
    max_rows: int | None = Field(default=None, description="Cap of a document: 10,000 for csv and json.")
    allow_truncated: bool = Field(default=False, description="A result that hit the cap is no failure.")

    def request(self) -> ExportRequest:
        """The same in the library's terms.

        Raises:
            SettingsError: the parts do not fit together.
        """
        return ExportRequest(
            location=self.location,
            filters=self.filters.filters(),
            format=self.format.value,
            hive=self.hive,
            resume=self.resume,
            max_rows=self.max_rows,
        )


audit_export = dg.AssetSpec(
    key_of("audit_export"),
    description="Changes that match a few filters, exported from one snapshot on demand. The files appear when they "
    "are complete, the manifest last. A termination publishes nothing; finished parts stay for `resume`.",
    group_name="export",
    kinds={"postgres", "parquet"},
)


# The op has a name of its own: an asset's op and a job of the same name cannot stand in one code location.
@dg.multi_asset(name="export_audit_changes", specs=[audit_export], pool=AUDIT_DATABASE)
def export_audit_changes(
    context: dg.AssetExecutionContext, config: ExportConfig, operations: Operations
) -> Iterator[dg.MaterializeResult]:
    """One export run."""
    with run_of(context) as terms:
        report = run_export(
            operations.settings(),
            config.request(),
            **terms,
        )
    metadata = _metadata(report)
    yield dg.MaterializeResult(metadata=metadata)
    if report.result.truncated and not config.allow_truncated:
        raise dg.Failure(
            description=f"more than {report.result.max_rows} changes match, and the export holds only the newest of "
            "them; raise max_rows, use parquet, or set allow_truncated",
            metadata=metadata,
            allow_retries=False,
        )


def _metadata(report: ExportReport) -> dict[str, Any]:
    """Counts, places and types; never a captured value."""
    done = report.result
    remote = "://" in done.location
    metadata: dict[str, Any] = {
        "location": done.location if remote else dg.MetadataValue.path(done.location),
        "format": done.format,
        "dagster/row_count": done.rows,
        "bytes": done.size,
        "files": len(done.files),
        "seconds": report.seconds,
        "truncated": done.truncated,
        "snapshot": done.snapshot,
        "evidence": dg.MetadataValue.path(str(report.evidence)),
        "log": dg.MetadataValue.path(str(report.log)),
    }
    if done.tables:
        metadata["tables"] = dg.MetadataValue.table(
            records=[dg.TableRecord({"table": name, "changes": rows}) for name, rows in sorted(done.tables.items())]
        )
    if done.columns:
        columns = [dg.TableColumn(name, kind) for name, kind in done.columns.items()]
        metadata["dagster/column_schema"] = dg.TableSchema(columns=columns)
    if done.near_names is not None:
        metadata["near_names"] = ", ".join(done.near_names) or "none: no audited table has a name like this"
    return metadata
