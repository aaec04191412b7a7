"""What a deployed function records: guessed from its body, then proved by making that body again."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import cast

from threadline_ops.capture.policy import DEFAULT_KEY, Key, Shape
from threadline_ops.coverage import threadline
from threadline_ops.coverage.catalog import DeployedFunction
from threadline_ops.coverage.wanted import Definitions
from threadline_ops.sections import CaptureTable

#: As psycopg writes them: with a backslash in it, a literal becomes ` E'...'`.
_LITERAL = r"(?: E)?'(?:[^']|'')*'"
_LIST = rf"array\[((?:{_LITERAL}(?:, )?)*)\]::text\[\]"
_COMPARED = re.compile(rf"from jsonb_each\(v_new(?: - {_LIST})?\) as n\n")
_REDACTED = re.compile(rf"\n        v_new := \(?v_new(?: - {_LIST})?\)?(?: \|\| ({_LITERAL})::jsonb)?;")
_KNOWN = re.compile(rf"threadline_capture_unknown\(v_new, {_LIST}, {_LIST}, ({_LITERAL})\)")
_KEY = re.compile(
    rf"v_key := jsonb_build_object\(((?:{_LITERAL}, coalesce\(v_new, v_old\) ->>? {_LITERAL}(?:, )?)+)\);"
)
_WHOLE_ROW = re.compile(rf"coalesce\(v_old, v_new\) -> k\.name\) from unnest\({_LIST}\)")


@dataclass(frozen=True)
class Origin:
    """What a function records, whoever made it.

    Attributes:
        unseen: columns that count for no change.
        before: whether old values are kept.
        noops_skipped: whether updates that change nothing leave no row.
        known: the columns that it knows to be harmless; none where nothing is redacted.
        ours: made by us; otherwise by Threadline.
    """

    exclude: frozenset[str]
    mask: frozenset[str]
    placeholder: str | None
    unseen: frozenset[str]
    before: bool
    actor: bool
    key: Key
    noops_skipped: bool
    known: frozenset[str]
    ours: bool


def origin(
    function: DeployedFunction, shape: Shape, settings: CaptureTable, wanted: Origin, definitions: Definitions
) -> Origin | None:
    """What a function records, or nothing when its body is not one that we or Threadline make.

    Args:
        function: what a table's trigger calls.
        shape: of that table.
        settings: of that table; only for a quick look whether all is as it should be.
        wanted: what it should be.
        definitions: makes wanted bodies.
    """
    if function.language != "plpgsql" or function.returns != "trigger":
        return None
    body = function.body.strip()
    if body == definitions.function(shape, settings).body:
        return wanted
    guess = _guess(body, shape)
    if guess is not None and body == definitions.function(*guess).body:
        return implied(*guess, definitions)
    recorded = threadline.recognise(function.body, definitions.audit_schema)
    if recorded is None:
        return None
    return Origin(**vars(recorded), key=DEFAULT_KEY, noops_skipped=False, known=frozenset(), ours=False)


def implied(shape: Shape, settings: CaptureTable, definitions: Definitions) -> Origin:
    """What the function that we would make of a shape and settings records."""
    found = definitions.implied(shape, settings)
    return Origin(
        exclude=frozenset(settings.exclude),
        mask=frozenset(settings.mask),
        placeholder=settings.mask_placeholder if settings.mask else None,
        unseen=frozenset((*settings.except_columns, *settings.exclude)),
        before=settings.store_changed_from,
        actor=True,
        key=found.key,
        noops_skipped=settings.skip_noop,
        known=frozenset(found.known),
        ours=True,
    )


def _guess(body: str, shape: Shape) -> tuple[Shape, CaptureTable] | None:
    """The shape and settings that a body seems to be made from."""
    compared = _COMPARED.search(body)
    if compared is None:
        return None
    redacted, known, key, row = (p.search(body) for p in (_REDACTED, _KNOWN, _KEY, _WHOLE_ROW))
    exclude = _names(redacted[1]) if redacted else ()
    mask = _masked(_unquoted(redacted[2])) if redacted and redacted[2] else ()
    columns = (*exclude, *mask, *_names(known[2])) if known else _names(row[1]) if row else shape.columns
    settings = CaptureTable.model_construct(
        exclude=exclude,
        mask=mask,
        mask_placeholder=_unquoted(known[3]) if known else CaptureTable().mask_placeholder,
        store_changed_from="into v_from" in body,
        # The excluded ones among them change nothing here, and their place in the list is kept.
        except_columns=_names(compared[1]),
        key=_names(key[1])[::2] if key else (),
        typed_pk=bool(key) and " ->> " not in key[1] if key else False,
        skip_noop="old *= new" in body,
    )
    return replace(shape, columns=columns, keys=()), settings


def _masked(text: str) -> tuple[str, ...]:
    """The columns of a mask; of a damaged one none, which the proof then turns down."""
    try:
        mask: object = json.loads(text)
    except ValueError:
        return ()
    return tuple(cast("dict[str, object]", mask)) if isinstance(mask, dict) else ()


def _names(listed: str | None) -> tuple[str, ...]:
    return tuple(_unquoted(text) for text in re.findall(_LITERAL, listed or ""))


def _unquoted(literal: str) -> str:
    text = literal.removeprefix(" E")[1:-1].replace("''", "'")
    return text.replace("\\\\", "\\") if literal.startswith(" E") else text
