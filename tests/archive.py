"""An audited database with a few days to archive, and what tests ask of it and of its archive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr

from tests import awkward
from tests.audit import bulk, settings_for
from threadline_ops.archive import GatedReport, GatedRequest, WriteReport, WriteRequest, run_gated_purge, run_write
from threadline_ops.archive.query import Trail
from threadline_ops.database import opened
from threadline_ops.export import Filters
from threadline_ops.sections import ArchiveSettings, ExportSettings
from threadline_ops.settings import Settings

#: Midnight, so that the made history ends in days that are over.
END = datetime(2026, 5, 20, tzinfo=UTC)

Rows = dict[str, tuple[Any, ...]]


def archive_settings(
    dsn: str, place: Path, *, uri: str | None = None, archive: dict[str, Any] | None = None, **retention: Any
) -> Settings:
    """Small slices, no waiting for writers; the archive below `place`, or at `uri`."""
    given = {"directory": str(place / "archive"), "slice_rows": 7, "seal_wait_s": 20} | (archive or {})
    # A second reader only costs time on days of a few rows.
    return settings_for(dsn, place / "evidence", **({"keep_days": 30, "gentle": False} | retention)).model_copy(
        update={
            "archive": ArchiveSettings(**given),
            "archive_uri": None if uri is None else SecretStr(uri),
            "export": ExportSettings(readers=1),
        }
    )


def history(connection: psycopg.Connection, *, days: int = 3, transactions: int = 12) -> None:
    """Some transactions of three changes over the days before END, and awkward values around one midnight."""
    bulk(connection, transactions=transactions, per_transaction=3, days=days, now=END)
    awkward.add(connection, data={"note": "ü\u0001\n", "n": 1.10}, at=END - timedelta(days=1, microseconds=1),
                fields=['a"b', "c"], before={"n": 1}, actor={"type": "user", "id": "ada"}, correlation="corr-1", source="",
                meta={"ip": "::1"}, table='we"ird\x01')  # fmt: skip


def written(settings: Settings, **request: Any) -> WriteReport:
    return run_write(settings, WriteRequest(**request))


def purged(settings: Settings, **request: Any) -> GatedReport:
    return run_gated_purge(settings, GatedRequest(**({"execute": True} | request)))


def live(connection: psycopg.Connection) -> Rows:
    """Every live change with its transaction, rendered by the server, by id."""
    rows = connection.execute(
        """
        select c.id::text, c.transaction_id::text, c.table_schema, c.table_name, c.op, c.captured_at, c.table_pk::text,
            c.data_after::text, c.changed_fields, c.changed_from::text, t.txid, t.occurred_at, t.actor_ref::text,
            t.source, t.meta::text, t.action_id::text
        from audit_changes c join audit_transactions t on t.id = c.transaction_id
        """
    )
    return {row[0]: row for row in rows}


def shown(settings: Settings) -> list[tuple[Any, ...]]:
    """Live and archived rows together, as a query shows them."""
    with opened(settings, "test") as database:
        found = Trail(settings, database).timeline(Filters(), limit=None)
    return [(str(c.id), str(c.transaction_id), c.table_name, c.op, c.captured_at, c.changed_fields) for c in found]


def originally(rows: Rows) -> list[tuple[Any, ...]]:
    """What `shown` says of these rows, wherever they are."""
    ordered = sorted(rows.values(), key=lambda row: (row[5], row[0]), reverse=True)
    return [(row[0], row[1], row[3], row[4], row[5], row[8]) for row in ordered]
