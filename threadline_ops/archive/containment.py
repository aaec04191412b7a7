"""PostgreSQL's `jsonb @> jsonb`, for rows that lie in files."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast


def containing(wanted: list[str]) -> Callable[[str | None], bool]:
    """A test for JSON text that contains at least one of these JSON texts."""
    values = [_parsed(text) for text in wanted]
    known: dict[str, bool] = {}

    def test(text: str | None) -> bool:
        if text is None:
            return False
        if text not in known:
            found = _parsed(text)
            known[text] = any(contains(found, value) for value in values)
        return known[text]

    return test


def contains(whole: Any, part: Any, *, outermost: bool = True) -> bool:
    """Whether a JSON value contains another one, by PostgreSQL's rules.

    Objects by their keys, arrays whatever their order; an array contains a bare value only at the outermost level.
    """
    if isinstance(part, dict):
        members = cast("dict[str, Any]", part)
        if not isinstance(whole, dict):
            return False
        have = cast("dict[str, Any]", whole)
        return all(name in have and contains(have[name], value, outermost=False) for name, value in members.items())
    if isinstance(part, list):
        if not isinstance(whole, list):
            return False
        elements = cast("list[Any]", whole)
        return all(any(contains(one, value, outermost=False) for one in elements) for value in cast("list[Any]", part))
    if isinstance(whole, list):
        return outermost and any(contains(one, part, outermost=False) for one in cast("list[Any]", whole))
    return type(whole) is type(part) and whole == part


def _parsed(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)
