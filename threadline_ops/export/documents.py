"""CSV, JSON and NDJSON, equal in meaning to Threadline's documents.

Nested values pass through as the server's own JSON text, so that no number loses a digit on the way.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from json.encoder import encode_basestring
from typing import Literal

from psycopg.rows import TupleRow

FORMAT_VERSION = 1
#: Threadline's cap for documents that are made in memory.
DEFAULT_MAX_ROWS = 10_000
CSV_COLUMNS = (
    "id",
    "transaction_id",
    "table_schema",
    "table_name",
    "op",
    "captured_at",
    "table_pk",
    "data_after",
    "changed_fields",
    "changed_from",
    "transaction_json",
)
ACTION_COLUMNS = ("correlation_id", "action_id")


@dataclass(frozen=True)
class Change:
    """One row of sql/export/timeline.sql; JSON stays text."""

    id: str
    transaction_id: str
    table_schema: str
    table_name: str
    op: str
    captured_at: datetime
    table_pk: str | None
    data_after: str | None
    changed_fields: list[str] | None
    changed_from: str | None
    occurred_at: datetime | None
    actor_ref: str | None
    source: str | None
    action_id: str | None
    correlation_id: str | None

    @classmethod
    def of(cls, row: TupleRow) -> Change:
        """A change from a row of the statement."""
        return cls(*row)

    def transaction_json(self) -> str:
        """The change's transaction as a JSON object."""
        return (
            f'{{"id":{_text(self.transaction_id)},"occurred_at":{_text(iso(self.occurred_at))},'
            f'"actor_ref":{self.actor_ref or "null"},"source":{_text(self.source)}}}'
        )

    def csv_row(self, *, action_metadata: bool) -> list[str | None]:
        """The CSV's cells: null maps are {}, null lists []."""
        cells: list[str | None] = [
            self.id,
            self.transaction_id,
            self.table_schema,
            self.table_name,
            self.op,
            iso(self.captured_at),
            self.table_pk or "{}",
            self.data_after or "{}",
            _list(self.changed_fields),
            self.changed_from or "{}",
            self.transaction_json(),
        ]
        return [*cells, self.correlation_id, self.action_id] if action_metadata else cells

    def json_object(self) -> str:
        """The JSON object: data_after may be null, and `action` is there when one is linked."""
        linked = self.action_id is not None
        action = f'{{"id":{_text(self.action_id)},"correlation_id":{_text(self.correlation_id)}}}'
        return (
            f'{{"id":{_text(self.id)},"transaction_id":{_text(self.transaction_id)},'
            f'"table_schema":{_text(self.table_schema)},"table_name":{_text(self.table_name)},'
            f'"op":{_text(self.op)},"captured_at":{_text(iso(self.captured_at))},'
            f'"table_pk":{self.table_pk or "{}"},"data_after":{self.data_after or "null"},'
            f'"changed_fields":{_list(self.changed_fields)},"changed_from":{self.changed_from or "{}"},'
            f'"transaction":{self.transaction_json()}' + (f',"action":{action}}}' if linked else "}")
        )


def render(
    document: Literal["csv", "json", "ndjson"],
    changes: Iterable[Change],
    *,
    generated_at: datetime,
    action_metadata: bool = False,
) -> Iterator[bytes]:
    """The document in pieces, one for each change and a few around them.

    Args:
        document: the format.
        changes: newest first.
        generated_at: when the export was made, aware; part of the JSON envelope.
        action_metadata: two more CSV columns; JSON carries actions anyway.
    """
    renderers: dict[str, Callable[[], Iterator[str]]] = {
        "csv": lambda: _csv(changes, action_metadata=action_metadata),
        "json": lambda: _json(changes, generated_at),
        "ndjson": lambda: (change.json_object() + "\n" for change in changes),
    }
    for piece in renderers[document]():
        yield piece.encode()


def iso(when: datetime | None) -> str | None:
    """A time in ISO 8601, UTC, with microseconds and Z."""
    # As strftime would say it, at a tenth of the time, and with four digits for an early year.
    return None if when is None else when.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def _csv(changes: Iterable[Change], *, action_metadata: bool) -> Iterator[str]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")  # RFC 4180

    def line(cells: Iterable[str | None]) -> str:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(cells)
        return buffer.getvalue()

    yield line(CSV_COLUMNS + (ACTION_COLUMNS if action_metadata else ()))
    for change in changes:
        yield line(change.csv_row(action_metadata=action_metadata))


def _json(changes: Iterable[Change], generated_at: datetime) -> Iterator[str]:
    yield f'{{"format_version":{FORMAT_VERSION},"generated_at":{_text(iso(generated_at))},"changes":['
    for place, change in enumerate(changes):
        yield ("," if place else "") + change.json_object()
    yield "]}"


def _text(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)


def _list(values: list[str] | None) -> str:
    return f"[{','.join(map(_text, values or []))}]"
