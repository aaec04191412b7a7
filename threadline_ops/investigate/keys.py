"""A row's key, however it was captured."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence

from threadline_ops.errors import FilterError

#: PostgreSQL's keys have at most 32 columns; each doubles the ways to write the key.
MOST_COLUMNS = 8

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")

Key = Mapping[str, str | int | float | bool | None]


def parse_key(words: Sequence[str]) -> dict[str, str]:
    """A key from `column=value` words; a single word without `=` is the value of `id`.

    Raises:
        FilterError: there is none, or a word is neither.
    """
    if len(words) == 1 and "=" not in words[0]:
        return {"id": words[0]}
    pairs = [word.partition("=") for word in words]
    if not pairs or not all(name and mark for name, mark, _ in pairs) or len({p[0] for p in pairs}) < len(pairs):
        raise FilterError("the row's key cannot be read", got=list(words), fix="write 42, or a=1 b=2")
    return {name: value for name, _, value in pairs}


def key_variants(key: Key) -> list[str]:
    """Every way in which capture may have written the key, as JSON texts for containment.

    An integer key may stand as 42 or "42", depending on who installed the trigger; each column is tried both
    ways.

    Raises:
        FilterError: the key is empty or has too many columns.
    """
    if not 1 <= len(key) <= MOST_COLUMNS:
        raise FilterError(
            f"a key has 1 to {MOST_COLUMNS} columns", got=sorted(key), fix="give the columns of the primary key"
        )
    options = [_written(value) for value in key.values()]
    return [
        "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in zip(key, values, strict=True)) + "}"
        for values in itertools.product(*options)
    ]


def _written(value: str | int | float | bool | None) -> tuple[str, ...]:
    """The value as JSON: as it is, and as text or number if it can be both."""
    if isinstance(value, str):
        quoted = json.dumps(value, ensure_ascii=False)
        return (quoted, value) if _NUMBER.fullmatch(value) else (quoted,)
    plain = json.dumps(value)
    return (plain,) if value is None else (plain, json.dumps(plain))
