"""Live and archived rows together: what happened to this row two years ago still has an answer after the purge.

The live side is asked first. A row that is purged in between was archived before, so none is missed; of one that is
in both, the live one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Literal
from uuid import UUID

from threadline_ops import investigate
from threadline_ops.archive import chain as chains
from threadline_ops.archive.chain import Chain
from threadline_ops.archive.ledger import Ledger
from threadline_ops.archive.rows import Archived, Question, Row, instant
from threadline_ops.archive.store import files_of
from threadline_ops.database import Database
from threadline_ops.errors import FilterError
from threadline_ops.export import documents
from threadline_ops.export.document import stream
from threadline_ops.export.filters import Filters
from threadline_ops.investigate import AsOf, ChangeRecord, TransactionDetail, TransactionRecord
from threadline_ops.investigate.keys import Key
from threadline_ops.investigate.reads import DEFAULT_LIMIT
from threadline_ops.investigate.records import exact
from threadline_ops.settings import Settings

#: The archive's name as an answer's source.
SOURCE = "archive"


@dataclass(frozen=True)
class Trail:
    """The whole trail of one database.

    Args:
        settings: where the archive lies.
        database: the audited one.
    """

    settings: Settings
    database: Database

    def chain(self) -> Chain:
        """The archive as it is now."""
        return chains.load(files_of(self.settings), Ledger(self.database).entries())

    def archived(self, question: Question) -> Iterator[list[Row]]:
        """Matching archived rows by day, newest first; read the live rows before."""
        return Archived(files_of(self.settings), self.chain().entries).rows(question)

    def timeline(self, filters: Filters, *, limit: int | None = DEFAULT_LIMIT) -> list[ChangeRecord]:
        """The newest changes that match, newest first; `limit` None means all of them."""
        live = investigate.timeline(self.database, filters, limit=limit)
        return _merged(live, self.archived(Question.of(filters)), limit)

    def history(
        self, table: str, key: Key, *, schema: str | None = None, at: datetime | None = None, limit: int | None = None
    ) -> list[ChangeRecord]:
        """What happened to one row, newest first; with `at`, what was known by then."""
        live = investigate.history(self.database, table, key, schema=schema, limit=None)
        by_then = [change for change in live if at is None or change.captured_at <= at]
        return _merged(by_then, self.archived(Question.row(table, key, schema=schema, until=at)), limit)

    def as_of(
        self,
        table: str,
        key: Key,
        at: datetime,
        *,
        schema: str | None = None,
        purged_before: datetime | None = None,
    ) -> AsOf:
        """The newest state at or before a time, wherever it is kept; see `investigate.as_of` for the arguments.

        Raises:
            FilterError: the moment has no time zone, or the key is unusable.
        """
        live = investigate.as_of(self.database, table, key, at, schema=schema, purged_before=purged_before)
        newest = live.change
        for day in self.archived(Question.row(table, key, schema=schema, until=at)):
            change = _change(day[0])
            if newest is None or (change.captured_at, change.id) > (newest.captured_at, newest.id):
                status = "deleted" if change.op == "delete" else "present"
                return AsOf(status, change.data_after, SOURCE, change.captured_at, change)
            break
        return live

    @property
    def name(self) -> str:
        """What an answer shows as its source."""
        return SOURCE

    def row_at(
        self, table: str, keys: Sequence[str], at: datetime, *, schema: str | None
    ) -> tuple[dict[str, Any] | None, datetime] | None:
        """The archived row (None: deleted) and since when; see `investigate.Earlier`."""
        for day in self.archived(Question(table, schema, until=at, keys=tuple(keys))):
            change = _change(day[0])
            return (None if change.op == "delete" else change.data_after), change.captured_at
        return None

    def actor(self, filters: Filters, *, limit: int | None = None) -> list[TransactionRecord]:
        """An actor's transactions, newest first, each with its changes in both places counted once."""
        live = investigate.actor(self.database, filters, limit=None)
        return self._transactions(live, Question(actor=filters.parameters()["actor_ref"]))[:limit]

    def transaction(self, identity: UUID | str) -> TransactionDetail | None:
        """One transaction and its changes, in the order of their capture; None when it is in neither place."""
        found = investigate.transaction(self.database, identity)
        wanted = Question(transactions=(_uuid(identity),))
        changes = _merged(found.changes if found else [], self.archived(wanted), None)
        records = self._transactions([found.transaction] if found else [], wanted)
        if not records:
            return None
        return TransactionDetail(records[0], sorted(changes, key=attrgetter("captured_at", "id")))

    def change(self, identity: UUID | str) -> ChangeRecord | None:
        """One change, with the action it belongs to; None when it is in neither place."""
        found = investigate.change(self.database, identity)
        if found is not None:
            return found
        return next((_change(row) for day in self.archived(Question(change=_uuid(identity))) for row in day), None)

    def document(
        self, filters: Filters, kind: Literal["csv", "json", "ndjson"], *, now: datetime, limit: int | None = None
    ) -> Iterator[bytes]:
        """Matching changes as an export writes them, newest first; see docs/export.md for the documents."""
        with self.database.transaction(read_only=True, snapshot=True, statement_timeout_ms=0):
            found = {change.id: change for change in stream(self.database, filters, limit=limit)}
        for row in _newest(self.archived(Question.of(filters)), limit):
            found.setdefault(str(row["id"]), _exported(row))
        ordered = sorted(found.values(), key=attrgetter("captured_at", "id"), reverse=True)
        return documents.render(kind, ordered[:limit], generated_at=now)

    def _transactions(self, live: list[TransactionRecord], question: Question) -> list[TransactionRecord]:
        archived: dict[UUID, dict[UUID, Row]] = {}
        for day in self.archived(question):
            for row in day:
                archived.setdefault(row["transaction_id"], {})[row["id"]] = row
        counted = self._live_changes(archived)
        found = {record.id: record for record in live}
        for identity, rows in archived.items():
            record = found.get(identity) or _transaction(next(iter(rows.values())))
            found[identity] = replace(record, changes=len(rows.keys() | counted.get(identity, set())))
        return sorted(found.values(), key=attrgetter("occurred_at", "id"), reverse=True)

    def _live_changes(self, wanted: Iterable[UUID]) -> dict[UUID, set[UUID]]:
        ids = [str(identity) for identity in wanted]
        alive: dict[UUID, set[UUID]] = {}
        with self.database.transaction(read_only=True) as connection:
            for transaction, change in connection.execute(
                self.database.statement("archive/live_changes"), {"ids": ids}
            ):
                alive.setdefault(UUID(transaction), set()).add(UUID(change))
        return alive


def _merged(live: list[ChangeRecord], days: Iterable[list[Row]], limit: int | None) -> list[ChangeRecord]:
    found = {change.id: change for change in live}
    for row in _newest(days, limit):
        if row["id"] not in found:
            found[row["id"]] = _change(row)
    return sorted(found.values(), key=attrgetter("captured_at", "id"), reverse=True)[:limit]


def _newest(days: Iterable[list[Row]], limit: int | None) -> Iterator[Row]:
    """The rows of the newest days, until they are enough: those of older days could not be among the first."""
    taken = 0
    for day in days:
        yield from day
        taken += len(day)
        if limit is not None and taken >= limit:
            return


def _change(row: Row) -> ChangeRecord:
    values = [row[name] for name in _CHANGE]
    return ChangeRecord.of(
        (*values[:5], instant(row["captured_at"]), *values[6:10], instant(row["occurred_at"]), *values[11:])
    )


def _transaction(row: Row) -> TransactionRecord:
    same = {name: row[name] for name in ("txid", "source", *_ACTION)}
    actor, meta = exact(row["actor_ref"]), exact(row["meta"])
    occurred = row["occurred_at"].astimezone(UTC)
    return TransactionRecord(
        id=row["transaction_id"], occurred_at=occurred, actor_ref=actor, meta=meta, changes=0, **same
    )


def _exported(row: Row) -> documents.Change:
    values: dict[str, Any] = {name: row[name] for name in _EXPORTED} | {"id": str(row["id"])}
    action = None if row["action_id"] is None else str(row["action_id"])
    return documents.Change(**values, transaction_id=str(row["transaction_id"]), action_id=action)


def _uuid(value: UUID | str) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except ValueError:
        raise FilterError("this is no id", got=value, fix="give the UUID as the timeline shows it") from None


_ACTION = ("action_id", "action_name", "status", "reason", "correlation_id")
#: In the order of the statements in sql/investigate.
_CHANGE = (
    "id", "transaction_id", "table_schema", "table_name", "op", "captured_at", "table_pk", "data_after",
    "changed_fields", "changed_from", "occurred_at", "actor_ref", "source", "action_id", "action_name",
    "correlation_id",
)  # fmt: skip
_EXPORTED = (
    "table_schema", "table_name", "op", "captured_at", "table_pk", "data_after", "changed_fields", "changed_from",
    "occurred_at", "actor_ref", "source", "correlation_id",
)  # fmt: skip
