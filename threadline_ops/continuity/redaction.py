"""Which columns must never leave the table: what the settings say, and what the deployed triggers do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import settings_by_table
from threadline_ops.continuity.relation import Relation
from threadline_ops.database import Database
from threadline_ops.errors import ContinuityError
from threadline_ops.settings import CaptureSettings, CaptureTable

# Literals as quote_literal() and psycopg write them: quotes doubled, and E'' with doubled backslashes.
_LITERAL = r"\s*(E?'(?:[^']|'')*')"
_OURS_EXCLUDE = re.compile(rf"v_new := \(*v_new - {_LITERAL}::text\[\]")
_OURS_MASK = re.compile(rf"v_new := .*\|\| {_LITERAL}::jsonb;")
_THEIRS_EXCLUDE = re.compile(rf"v_data_after := v_data_after - {_LITERAL};")
_THEIRS_MASK = re.compile(r"v_data_after := v_data_after \|\| jsonb_build_object\((.*)\);")
_THEIRS_PAIR = re.compile(rf"{_LITERAL}, to_jsonb\({_LITERAL}::text\)")
#: A function that assigns the captured row in one of the two known ways; anything else cannot be judged.
_KNOWN = re.compile(r"v_new jsonb := to_jsonb\(new\)|v_data_after\s+:= to_jsonb\(NEW\)")


@dataclass(frozen=True)
class Trigger:
    """A capture trigger as deployed.

    Attributes:
        function: name of its function.
        body: the function's source.
        live: enabled, after each row, on insert, update and delete, without a condition.
    """

    function: str
    body: str
    live: bool


@dataclass(frozen=True)
class Redaction:
    """What continuity must not read.

    Attributes:
        excluded: columns that vanish, sorted.
        masked: columns that keep their name, each with its placeholder.
    """

    excluded: tuple[str, ...] = ()
    masked: tuple[tuple[str, str], ...] = ()

    @property
    def left_out(self) -> tuple[str, ...]:
        """Columns that take part in no comparison."""
        return tuple(sorted({*self.excluded, *(name for name, _ in self.masked)}))


def triggers(database: Database, oid: int) -> list[Trigger]:
    """The capture triggers of a table, within the transaction at hand."""
    rows = database.connection.execute(database.statement("continuity/triggers"), {"oid": oid}).fetchall()
    return [Trigger(function, body, all(flags)) for function, body, *flags in rows]


def redaction(database: Database, relation: Relation, settings: CaptureSettings) -> Redaction:
    """The union of the settings' redaction and the deployed one, so that neither being stale can leak.

    Raises:
        ContinuityError: a deployed function is of no known form and the settings are silent about the table,
            or the primary key itself is redacted.
    """
    configured = settings_by_table(settings, database.settings.audit_schema).get(relation.table)
    found = [_configured(configured)] if configured else []
    for trigger in triggers(database, relation.oid):
        read = deployed(trigger.body)
        if read is not None:
            found.append(read)
        elif configured is None:
            raise ContinuityError(
                f"the capture function {trigger.function} has a form that cannot be read for its redaction",
                got=str(relation.table),
                fix="state the table's exclude and mask under capture.tables in the settings",
            )
    union = combined(found)
    _require_readable_key(relation.table, [column.name for column in relation.key], union)
    return union


def deployed(body: str) -> Redaction | None:
    """The redaction in a capture function's source, or None when the source has no known form."""
    if not _KNOWN.search(body):
        return None
    excluded: set[str] = set()
    masked: dict[str, str] = {}
    for literal in _OURS_EXCLUDE.findall(body):
        excluded.update(_array(_text(literal)))
    for literal in _THEIRS_EXCLUDE.findall(body):
        excluded.add(_text(literal))
    for literal in _OURS_MASK.findall(body):
        masked.update(_object(_text(literal)))
    for pairs in _THEIRS_MASK.findall(body):
        masked.update({_text(name): _text(value) for name, value in _THEIRS_PAIR.findall(pairs)})
    return Redaction(tuple(sorted(excluded)), tuple(sorted(masked.items())))


def combined(redactions: Iterable[Redaction]) -> Redaction:
    """Everything that any of them hides; a column that one excludes and another masks is excluded."""
    every = list(redactions)
    excluded = {name for one in every for name in one.excluded}
    masked = {name: value for one in every for name, value in one.masked if name not in excluded}
    return Redaction(tuple(sorted(excluded)), tuple(sorted(masked.items())))


def _configured(table: CaptureTable) -> Redaction:
    return Redaction(tuple(sorted(table.exclude)), tuple((name, table.mask_placeholder) for name in sorted(table.mask)))


def _require_readable_key(table: Table, key: list[str], hidden: Redaction) -> None:
    for name in key:
        if name in hidden.left_out:
            raise ContinuityError(
                f"column {name!r} of the primary key is excluded or masked, and a baseline would have to keep it",
                got=str(table),
                fix="give the table a key that may be stored, or leave the table out",
            )


def _text(literal: str) -> str:
    if literal.startswith("E"):
        return literal[2:-1].replace("''", "'").replace("\\\\", "\\")
    return literal[1:-1].replace("''", "'")


def _array(text: str) -> list[str]:
    """The elements of a one-dimensional text array literal without NULLs."""
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"|([^",{}]+)', text)
    return [re.sub(r"\\(.)", r"\1", quoted) if quoted else bare for quoted, bare in parts]


def _object(text: str) -> dict[str, str]:
    return cast("dict[str, str]", json.loads(text))
