"""SQL as tokens, and what can be said of them without knowing what they mean."""

from __future__ import annotations

import re

Tokens = tuple[str, ...]

_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*)|(?P<text>'(?:[^']|'')*')|(?P<name>"[a-z_][a-z0-9_]*"|[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>[0-9]+)|(?P<sign>:=|::|->>|->|\|\||<>|[-=(),;.\[\]])""",
    re.VERBOSE,
)
_OPEN, _CLOSE = "([", ")]"


class Unknown(Exception):
    """The body holds something that this reader does not follow."""


def tokenize(text: str) -> Tokens:
    """Tokens without comments and white space; everything but text literals is in lower case.

    Raises:
        Unknown: something else than plain SQL, such as E'' or dollar quotes.
    """
    tokens: list[str] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise Unknown
        if not match["skip"]:
            tokens.append(match["text"] or match[0].lower().strip('"'))
        place = match.end()
    return tuple(tokens)


def tidied(expression: Tokens) -> Tokens:
    """An expression without casts of null and without parentheses that change nothing."""
    tokens = list(expression)
    changed = True
    while changed:
        changed = False
        for place, word in enumerate(tokens):
            if word == "null" and tokens[place + 1 : place + 2] == ["::"]:
                del tokens[place + 1 : place + 3]
                changed = True
                break
            if word == "(" and _redundant(tokens, place):
                end = closing(tuple(tokens), place)
                del tokens[end], tokens[place]
                changed = True
                break
    return tuple(tokens)


def unwrapped(expression: Tokens) -> Tokens:
    """An expression without parentheses around the whole of it."""
    while expression[:1] == ("(",) and closing(expression, 0) == len(expression) - 1:
        expression = expression[1:-1]
    return expression


def _redundant(tokens: list[str], place: int) -> bool:
    before = tokens[place - 1] if place else ","
    end = closing(tuple(tokens), place)
    after = tokens[end + 1] if end + 1 < len(tokens) else ","
    inner = tuple(tokens[place + 1 : end])
    if before in ("(", ",") and after in (")", ",") and len(split(inner, ",")) == 1:
        return inner[:1] != ("select",)
    return bool(re.fullmatch(r"[-=(,]|:=|\|\||->>?|else|then|from", before)) and primary(inner)


def primary(tokens: Tokens) -> bool:
    """Whether it is one name, literal or call, so that no parentheses are needed around it."""
    if len(tokens) == 1:
        return True
    return len(tokens) > 2 and tokens[0].isidentifier() and tokens[1] == "(" and closing(tokens, 1) == len(tokens) - 1


def closing(tokens: Tokens, opening: int) -> int:
    """Where the parenthesis at `opening` ends.

    Raises:
        Unknown: nowhere.
    """
    depth = 0
    for place in range(opening, len(tokens)):
        depth += (tokens[place] in _OPEN) - (tokens[place] in _CLOSE)
        if not depth:
            return place
    raise Unknown


def split(tokens: Tokens, separator: str) -> list[Tokens]:
    """Parts between separators, those within parentheses not counting."""
    parts: list[Tokens] = []
    depth, start = 0, 0
    for place, word in enumerate(tokens):
        depth += (word in _OPEN) - (word in _CLOSE)
        if word == separator and not depth:
            parts.append(tokens[start:place])
            start = place + 1
    return [*parts, tokens[start:]] if start < len(tokens) else parts


def partition(tokens: Tokens, separators: Tokens) -> tuple[Tokens, str, Tokens]:
    """What stands before the first of the separators, which it is, and what follows."""
    for place, word in enumerate(tokens):
        if word in separators:
            return tokens[:place], word, tokens[place + 1 :]
    return tokens, "", ()


def find(tokens: list[str], wanted: str) -> int:
    """Where a token is first.

    Raises:
        Unknown: nowhere.
    """
    if wanted not in tokens:
        raise Unknown
    return tokens.index(wanted)
