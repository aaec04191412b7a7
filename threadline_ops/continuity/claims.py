"""What baselines and verifications show for the adoption backlog: of all tables together, not of the newest run's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from threadline_ops import evidence
from threadline_ops.continuity import findings, manifest
from threadline_ops.continuity.events import VerifyResult
from threadline_ops.continuity.readiness import tables
from threadline_ops.continuity.relation import relation
from threadline_ops.continuity.store import Store
from threadline_ops.continuity.t0 import Covered, t0
from threadline_ops.database import Database, Identity
from threadline_ops.errors import ContinuityError, DatabaseError
from threadline_ops.settings import Settings

GUIDE = "continuity.guide_followed"
VERIFIED = "continuity.verified"

#: Kinds of findings that prove a write past capture.
_GAPS = ("bypassed", "vanished", "appeared")
_NO_TABLE = "threadline_ops_control.no_such_table"


def claim_baselines(
    recording: evidence.Recording, database: Database, store: Store, settings: Settings, table: str
) -> None:
    """Whether every table to look after has a complete baseline, and since when this one is captured."""
    identity, names = database.identity(), tables(database, settings.continuity)
    lacking = _without_baseline(database, store, identity, names)
    recording.support(
        GUIDE,
        ok=not lacking,
        detail=f"{len(names)} tables have a baseline; {_began(database, table)}"
        if not lacking
        else f"no baseline of {_some(lacking)}",
        control=evidence.control(
            "one more table, without a baseline",
            lambda: _without_baseline(database, store, identity, [*names, _NO_TABLE]) == lacking,
        ),
    )


def _began(database: Database, table: str) -> str:
    """Since when the table is captured; a baseline needs no right to read the audit tables, which tell it."""
    try:
        with database.transaction(read_only=True):
            moment, source = t0(database, relation(database, table), Covered())
    except DatabaseError:
        moment, source = None, ""
    return (
        f"capture of {table} began {moment:%Y-%m-%d %H:%M} UTC ({source})" if moment else f"T0 of {table} is not known"
    )


def claim_verified(
    recording: evidence.Recording, database: Database, store: Store, settings: Settings, result: VerifyResult
) -> None:
    """Whether the newest verification of every table to look after found no gap; a gap is an issue of its table."""
    scope = f"continuity of {result.table}"
    if result.gaps:
        counted = ", ".join(f"{result.counts[kind]} {kind}" for kind in _GAPS if result.counts[kind])
        recording.finding(
            "CONTINUITY",
            f"gaps {result.table}",
            f"{result.table}: rows got past capture: {counted}; the report beside the baseline names them",
            "P0",
            scope=scope,
            rows=(VERIFIED,),
        )
    if result.whole:
        recording.looked_through(scope)
    names = tables(database, settings.continuity)
    doubts = list(_doubts(database, store, database.identity(), names))
    if result.gaps and not result.whole:
        doubts.insert(0, f"{result.table} has gaps")
    control = result.control_failed
    recording.support(
        VERIFIED,
        ok=not doubts,
        detail="; ".join(doubts[:5]) or f"{len(names)} tables follow from their baselines and captured changes",
        control=None
        if control is None
        else evidence.Control("a live row taken away, and a chunk under another hash", failed=control),
    )


def _without_baseline(database: Database, store: Store, identity: Identity, names: Sequence[str]) -> list[str]:
    return [
        name
        for name in names
        if (base := _base(database, identity, name)) is None or manifest.latest(store, base, complete=True) is None
    ]


def _doubts(database: Database, store: Store, identity: Identity, names: Sequence[str]) -> Iterable[str]:
    for name in names:
        base = _base(database, identity, name)
        summary: dict[str, Any] | None = None
        if base is not None:
            summary = findings.newest_summary(store, base, identity.system_identifier, identity.timeline)
        if summary is None:
            yield f"{name} was not verified as a whole yet"
        elif summary["version"] is None:
            yield f"{name} has no baseline"
        elif any(summary["counts"][kind] for kind in _GAPS):
            yield f"{name} has gaps"


def _base(database: Database, identity: Identity, name: str) -> str | None:
    """Where a table's baselines lie; None if there is no such table."""
    try:
        with database.transaction(read_only=True):
            return manifest.directory(identity, relation(database, name))
    except ContinuityError:
        return None


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" and more" if len(names) > 5 else "")
