"""A reader of the small part of PL/pgSQL that capture functions are written in.

It follows a body once per operation and says what that operation would write, in terms of `old`, `new` and the
trigger's own variables. Whatever it does not know, it refuses: an unknown body is never taken for a good one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from threadline_ops.coverage.tokens import (
    Tokens,
    Unknown,
    closing,
    find,
    partition,
    primary,
    split,
    tidied,
    tokenize,
    unwrapped,
)

#: Tokens of a body that is worth following; Threadline's longest has a few hundred.
_LONGEST = 5_000


@dataclass
class Trace:
    """What one operation does: the rows it inserts, by table, each as column -> expression."""

    operation: str
    names: dict[str, Tokens] = field(default_factory=dict[str, Tokens])
    inserts: list[tuple[str, dict[str, Tokens], str]] = field(default_factory=list[tuple[str, dict[str, Tokens], str]])


def follow(body: str, operation: str) -> Trace:
    """What a trigger function's body does for 'INSERT', 'UPDATE' or 'DELETE'.

    Raises:
        Unknown: the body, or a path through it, is not understood.
    """
    tokens = tokenize(body)
    if "begin" not in tokens or len(tokens) > _LONGEST:
        raise Unknown
    start = tokens.index("begin")
    trace = Trace(operation)
    for declaration in split(tokens[1:start] if tokens[:1] == ("declare",) else tokens[:start], ";"):
        name, _, initial = partition(declaration, (":=",))
        if not name or name[0] in ("old", "new") or name[0].startswith("tg_"):
            raise Unknown
        trace.names[name[0]] = _substituted(initial, trace) if initial else ("null",)
    rest = tokens[start + 1 :]
    while rest[-1:] == (";",):
        rest = rest[:-1]
    if rest[-1:] != ("end",) or not _run(list(rest[:-1]), trace):
        raise Unknown
    return trace


def _run(tokens: list[str], trace: Trace) -> bool:
    """Run statements; true when one of them returned."""
    while tokens:
        if tokens[0] == "if":
            if _branch(tokens, trace):
                return True
            continue
        end = find(tokens, ";")
        statement = tuple(tokens[:end])
        del tokens[: end + 1]
        if statement[:1] == ("return",):
            if len(statement) != 2 or statement[1] not in ("old", "new", "null"):
                raise Unknown
            return True
        _execute(statement, trace)
    return False


def _branch(tokens: list[str], trace: Trace) -> bool:
    """Run an `if`, taken out of `tokens`; a condition must be decided by the operation or by a null."""
    arms: list[tuple[Tokens | None, list[str]]] = []
    condition: Tokens | None = ()
    depth = 0
    part: list[str] = []
    tokens.pop(0)
    while True:
        if not tokens:
            raise Unknown
        word = tokens.pop(0)
        if word in ("if", "case"):
            depth += 1
        if word == "end" and depth and tokens[:2] != ["if", ";"]:
            depth -= 1  # of a case
            part.append(word)
        elif word == "end" and tokens[:2] == ["if", ";"]:
            if not depth:
                del tokens[:2]
                arms.append((condition, part))
                break
            depth -= 1
            part += [word, tokens.pop(0), tokens.pop(0)]
        elif not depth and word == "then" and condition == ():
            condition, part = tuple(part), []
        elif not depth and word in ("elsif", "elseif", "else"):
            arms.append((condition, part))
            condition, part = (None if word == "else" else ()), []
        else:
            part.append(word)
    return _take(arms, trace)


def _take(arms: list[tuple[Tokens | None, list[str]]], trace: Trace) -> bool:
    for number, (condition, part) in enumerate(arms):
        if condition is None:
            return _run(part, trace)
        known = _decided(condition, trace)
        if known:
            return _run(part, trace)
        if known is None:
            return _both(condition, part, arms[number + 1 :], trace)
    return False


def _decided(condition: Tokens, trace: Trace) -> bool | None:
    """Whether a condition holds; None when it depends on the row."""
    match condition:
        case ("tg_op", "=", operation):
            return operation == f"'{trace.operation}'"
        case ("tg_op", "<>", operation):
            return operation != f"'{trace.operation}'"
        case (name, "is", "null") if name in trace.names:
            return True if trace.names[name] == ("null",) else None
        case _:
            raise Unknown


def _both(condition: Tokens, part: list[str], others: list[tuple[Tokens | None, list[str]]], trace: Trace) -> bool:
    """Run both ways of `if x is null`, which may differ only in variables."""
    left = Trace(trace.operation, dict(trace.names))
    right = Trace(trace.operation, dict(trace.names))
    if _run(list(part), left) or _take(others, right) or left.inserts or right.inserts:
        raise Unknown
    for name, value in left.names.items():
        other = right.names[name]
        if value == other:
            trace.names[name] = value
        else:
            subject = trace.names[condition[0]]
            trace.names[name] = ("if_null", "(", *subject, ",", *value, ",", *other, ")")
    return False


def _execute(statement: Tokens, trace: Trace) -> None:
    if len(statement) > 2 and statement[1] in (":=", "=") and statement[0] in trace.names:
        trace.names[statement[0]] = _substituted(statement[2:], trace)
    elif statement[:1] == ("select",):
        place = find(list(statement), "into")
        name = statement[place + 1]
        if name not in trace.names:
            raise Unknown
        trace.names[name] = _substituted(statement[:place] + statement[place + 2 :], trace)
    elif statement[:2] == ("insert", "into"):
        _insert(statement[2:], trace)
    else:
        raise Unknown


def _insert(statement: Tokens, trace: Trace) -> None:
    table, _, rest = partition(statement, ("(",))
    columns, _, rest = partition(rest, (")",))
    if rest[:2] != ("values", "("):
        raise Unknown
    end = closing(rest, 1)
    names = [column[0] for column in split(columns, ",")]
    values = [unwrapped(_substituted(value, trace)) for value in split(rest[2:end], ",")]
    if len(names) != len(values):
        raise Unknown
    trace.inserts.append((" ".join(table), dict(zip(names, values, strict=True)), " ".join(rest[end + 1 :])))


def _substituted(expression: Tokens, trace: Trace) -> Tokens:
    result: list[str] = []
    for before, word in zip(("", *expression), expression, strict=False):
        value = trace.names.get(word) if before != "." else None
        if value is None:
            result.append(word)
        else:
            result += value if primary(value) else ("(", *value, ")")
    return tidied(tuple(result))
