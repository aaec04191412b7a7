"""Exports on demand: the changes that match a few filters, from one snapshot, as files that appear complete.

    from threadline_ops.export import ExportRequest, Filters, run_export
    report = run_export(settings, ExportRequest("exports/may", Filters(table="flights")))

Parquet streams through parallel readers in bounded memory; CSV, JSON and NDJSON are Threadline's documents.
"""

from threadline_ops.export.document import export_document
from threadline_ops.export.filters import Filters
from threadline_ops.export.parallel import export_parquet
from threadline_ops.export.result import Exported, FileEntry, PartWritten, Planned
from threadline_ops.export.run import ExportReport, ExportRequest, run_export

__all__ = [
    "ExportReport",
    "ExportRequest",
    "Exported",
    "FileEntry",
    "Filters",
    "PartWritten",
    "Planned",
    "export_document",
    "export_parquet",
    "run_export",
]
