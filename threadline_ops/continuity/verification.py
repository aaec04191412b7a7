"""Verification: baseline and captured changes, replayed under one snapshot, against the live rows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import sql

from threadline_ops.continuity import findings
from threadline_ops.continuity.breaking import Broken
from threadline_ops.continuity.changes import decoded, newest, scratch
from threadline_ops.continuity.comparing import Comparison
from threadline_ops.continuity.copying import copied
from threadline_ops.continuity.events import RowsVerified, VerifyResult
from threadline_ops.continuity.judging import Judge
from threadline_ops.continuity.keys import Bounds, captured_key, digest, key_hash, recorded_as
from threadline_ops.continuity.manifest import Chunk
from threadline_ops.continuity.ranges import Range
from threadline_ops.continuity.reading import TooBig
from threadline_ops.continuity.relation import cut_search_path
from threadline_ops.continuity.store import Store
from threadline_ops.continuity.subject import Subject, chunk_rows, subject
from threadline_ops.database import Database, Identity
from threadline_ops.sections import CaptureSettings, ContinuitySettings
from threadline_ops.sql import template

#: What runs against the database; evidence quotes these files by hash.
STATEMENTS = (
    "continuity/search_path",
    "continuity/relation",
    "continuity/family",
    "coverage/catalog",
    "continuity/moment",
    "continuity/standby_running",
    "continuity/rows/read",
    "continuity/rows/newest_changes",
    "continuity/rows/compare_changes",
    "continuity/rows/compare_baseline",
    "continuity/rows/changed_keys",
    "continuity/rows/siblings",
    "continuity/rows/moved_keys",
    "continuity/rows/hash_keys",
)

#: Up to this share of changed rows, comparing each by its place costs less than hashing every live row.
_FEW = 0.1


def verify(
    database: Database,
    store: Store,
    name: str,
    *,
    run_id: str,
    capture: CaptureSettings,
    limits: ContinuitySettings,
    horizon: datetime | None = None,
    sample: float = 1.0,
    seed: int = 0,
    before_stretch: Callable[[], None] = lambda: None,
) -> Generator[RowsVerified, None, VerifyResult]:
    """Compare a table's live rows with its baseline and captured changes, and publish a report.

    One REPEATABLE READ READ ONLY transaction stays open from the first event to the last, because everything is
    compared under one snapshot. It writes nothing, so stopping between two events is safe all the same.

    Args:
        database: the audited database or a standby of it; SELECT is enough.
        store: where baselines are and reports go.
        name: the table, as in settings.
        run_id: names the report.
        capture: per-table redaction of the settings; what the deployed triggers hide is added.
        limits: sizes of stretches.
        horizon: changes captured before it may have been purged.
        sample: which part of the baseline's chunks to compare, above 0 and up to 1.
        seed: chooses the sample.
        before_stretch: called before every stretch; raises to stop the run.

    Raises:
        ContinuityError: the table cannot be verified, or the baseline is damaged or of another timeline.
        DatabaseError: the server refused a statement.
    """
    identity = database.identity()
    stretches = rows = 0
    with database.transaction(read_only=True, snapshot=True, statement_timeout_ms=0), scratch() as directory:
        about = subject(database, identity, store, name, capture)
        cut_search_path(database, about.relation)
        known = newest(decoded(copied(database.connection, _changes(database, about))), Path(directory))
        before = findings.earlier(store, about.base, identity.system_identifier, identity.timeline)
        with findings.reporting(tuple(column.name for column in about.relation.key), before) as report:
            judge = Judge(about, known, _comparison(database, about), report, horizon)
            broken = Broken(store, judge)
            chosen = about.chunks(sample, seed)
            for chunk in chosen or [None]:
                for batch in _judged(database, store, judge, broken, chunk, limits, before_stretch):
                    stretches, rows = stretches + 1, rows + batch
                    yield RowsVerified(
                        str(about.relation.table), stretches, rows, about.relation.rows, report.counts.total()
                    )
            whole = about.version is None or len(chosen) == len(about.version.chunks)
            judge.rest(None if whole else {chunk.number for chunk in chosen})
            result = _published(store, about, identity, judge, run_id, rows=rows, whole=whole)
            return replace(result, control_failed=broken.noticed)


def _judged(
    database: Database,
    store: Store,
    judge: Judge,
    broken: Broken,
    chunk: Chunk | None,
    limits: ContinuitySettings,
    before_stretch: Callable[[], None],
) -> Iterator[int]:
    """Compare the live rows of a chunk's keys, some at a time: there may be many more now than then."""
    about = judge.subject
    range_ = Range.of(about, chunk, None if chunk is None else chunk_rows(store, about, chunk))
    bounds = chunk.bounds if chunk else Bounds()
    wanted = limits.chunk_rows
    reader = about.reader(digested=len(judge.newest.hashes) > _FEW * max(about.relation.rows, 1))
    while True:
        before_stretch()
        try:
            with database.connection.transaction():
                stretch = reader.read(database.connection, bounds, wanted, limits.chunk_bytes * 4)
        except TooBig:
            wanted = max(wanted // 4, 1)
            continue
        judge.live(range_, reader.table(stretch))
        ended = stretch.rows < wanted
        if ended:
            judge.missing(range_)
            broken.try_on(range_)
        yield stretch.rows
        if ended:
            return
        bounds = Bounds(stretch.last, bounds.upto)


def _changes(database: Database, about: Subject) -> sql.Composed:
    """The changes that may matter: all, or those that some chunk of the baseline may not have seen."""
    keys = captured_key(about.relation, "c")
    since: sql.Composable = sql.SQL("true")
    if about.version:
        oldest = min(chunk.moment.snapshot.xmin for chunk in about.version.chunks)
        since = sql.SQL("x.txid >= {}").format(sql.Literal(oldest))
    return template("continuity/rows/newest_changes").format(
        audit=sql.Identifier(database.settings.audit_schema),
        hash=key_hash(keys),
        unidentified=sql.SQL(" or ").join(sql.SQL("{} is null").format(key) for key in keys),
        named=recorded_as(about.relation, "c"),
        digest=digest(sql.SQL("c.data_after"), about.left_out),
        since=since,
    )


def _comparison(database: Database, about: Subject) -> Comparison:
    return Comparison(
        database.connection,
        database.settings.audit_schema,
        about.relation,
        about.columns,
        about.left_out,
    )


def _published(
    store: Store, about: Subject, identity: Identity, judge: Judge, run_id: str, *, rows: int, whole: bool
) -> VerifyResult:
    report, known = judge.report, judge.newest
    figures: dict[str, Any] = {
        "table": str(about.relation.table),
        "at": about.moment.at,
        "version": about.version.number if about.version else None,
        "rows": rows,
        "changes": known.read,
        "counts": {kind: report.counts[kind] for kind in findings.KINDS},
        "whole": whole,
        "reordered": judge.tally["reordered"],
        "unidentified": known.unidentified,
        "not_compared": about.not_compared,
        "table_replaced": about.version is not None and about.version.chunks[0].header.oid != about.relation.oid,
        "since": report.since,
        "until": report.until,
        "origin": about.moment.origin,
    }
    life = {"system_identifier": identity.system_identifier, "timeline": identity.timeline}
    places = findings.publish(store, about.base, run_id, report, figures | life)
    return VerifyResult(**figures, report=places[0], summary=places[1])
