"""Recognises the functions that Threadline 0.2 generates by what they record, however they are laid out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from threadline_ops.coverage.plpgsql import Trace, follow
from threadline_ops.coverage.tokens import Tokens, Unknown, tokenize, unwrapped

_NULL: Tokens = ("null",)
_TEXT = r"'(?:[^']|'')*'"
_LIST = rf"array \[ (?:{_TEXT}(?: , {_TEXT})* )?\] :: text \[ \]"
_FIELDS = re.compile(
    r"select array_agg \( (?P<n>\w+) \. key order by (?P=n) \. key \) "
    r"from jsonb_each \( to_jsonb \( new \) \) (?:as )?(?P=n) "
    r"join jsonb_each \( to_jsonb \( old \) \) (?:as )?(?P<o>\w+) on (?P=n) \. key = (?P=o) \. key "
    r"where (?P=n) \. value is distinct from (?P=o) \. value"
    r"(?: and not (?:\( )?(?P=n) \. key = any \( (?P<unseen>array \[.*?\] :: text \[ \]) \)(?: \))?)?"
)
_BEFORE = re.compile(
    r"select jsonb_object_agg \( (?P<u>\w+) \. (?P<k>\w+) , (?P<value>.+) \) "
    r"from unnest \( (?P<fields>.+) \) (?:as )?(?P=u) \( (?P=k) \)"
)
_MASKED_BEFORE = re.compile(
    rf"case when (?P<name>\w+ \. \w+) = any \( (?P<masked>{_LIST}) \) then to_jsonb \( (?P<shown>{_TEXT}) :: text \) "
    r"else to_jsonb \( old \) -> (?P=name) end"
)
_FIND = re.compile(
    r"select (?:\w+ \. )?id from (?P<table>[\w .]*audit_transactions)(?: (?:as )?\w+)? "
    r"where (?:\w+ \. )?txid = txid_current \( \)"
)


@dataclass(frozen=True)
class Recorded:
    """What a capture function does with a row, apart from its name.

    Attributes:
        unseen: columns left out of changed_fields.
        before: whether old values are kept.
        actor: whether the actor is recorded.
    """

    exclude: frozenset[str]
    mask: frozenset[str]
    placeholder: str | None
    unseen: frozenset[str]
    before: bool
    actor: bool


@lru_cache(maxsize=512)
def recognise(body: str, audit_schema: str) -> Recorded | None:
    """What a function records, or nothing when it is not one of Threadline's."""
    try:
        inserted, updated, deleted = (_change(body, operation, audit_schema) for operation in _OPERATIONS)
        _agree(inserted.change, updated.change, deleted.change)
        exclude, mask, placeholder = _redaction(updated.change["data_after"])
        unseen, before = _update(updated.change, mask, placeholder)
    except (Unknown, KeyError, IndexError):
        return None
    return Recorded(exclude, mask, placeholder, unseen, before, inserted.actor and updated.actor and deleted.actor)


_OPERATIONS = ("INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True)
class _Captured:
    change: dict[str, Tokens]
    actor: bool


def _change(body: str, operation: str, audit_schema: str) -> _Captured:
    """The row of audit_changes that an operation writes, its transaction having been checked."""
    trace: Trace = follow(body, operation)
    _require(len(trace.inserts) == 2)
    (first, transaction, conflict), (second, change, rest) = trace.inserts
    tables = [{name, f"{audit_schema} . {name}"} for name in ("audit_transactions", "audit_changes")]
    _require(first in tables[0] and second in tables[1] and not rest)
    _require(conflict == "on conflict ( txid ) do nothing")
    actor = transaction.pop("actor_ref", None)
    _require(
        actor is None or _text(actor) == "nullif ( current_setting ( 'threadline.actor_ref' , true ) , '' ) :: jsonb"
    )
    _require(_made(transaction) == {"txid": "txid_current ( )", "occurred_at": "clock_timestamp ( )"})
    row = "old" if operation == "DELETE" else "new"
    found = _FIND.fullmatch(_text(change.pop("transaction_id")))
    _require(found is not None and found["table"].strip() in tables[0])
    fixed = {
        "table_schema": "tg_table_schema",
        "table_name": "tg_table_name",
        "table_pk": f"jsonb_build_object ( 'id' , to_jsonb ( {row} ) ->> 'id' )",
        "op": "lower ( tg_op )",
        "captured_at": "clock_timestamp ( )",
    }
    change.setdefault("changed_from", _NULL)
    made = _made(change)
    _require({name: made.pop(name) for name in fixed} == fixed)
    _require(set(made) == {"data_after", "changed_fields", "changed_from"})
    return _Captured(change, actor is not None)


def _made(row: dict[str, Tokens]) -> dict[str, str]:
    _require(_text(row.get("id", ())) in ("", "gen_random_uuid ( )"))
    return {name: _text(value) for name, value in row.items() if name != "id"}


def _agree(inserted: dict[str, Tokens], updated: dict[str, Tokens], deleted: dict[str, Tokens]) -> None:
    _require(inserted["data_after"] == updated["data_after"] and deleted["data_after"] == _NULL)
    for change in (inserted, deleted):
        _require(change["changed_fields"] == _NULL and change["changed_from"] == _NULL)


def _redaction(after: Tokens) -> tuple[frozenset[str], frozenset[str], str | None]:
    """Columns taken out of, or masked in, `to_jsonb(new)`."""
    exclude: set[str] = set()
    mask: dict[str, str] = {}
    while after != ("to_jsonb", "(", "new", ")"):
        after = unwrapped(after)
        if after == ("to_jsonb", "(", "new", ")"):
            break
        if after[-2:-1] == ("-",):
            exclude.add(_literal(after[-1]))
            after = after[:-2]
        else:
            place = _last(after, "||")
            mask |= _masks(_text(after[place + 1 :]))
            after = after[:place]
    placeholders = set(mask.values())
    _require(len(placeholders) <= 1)
    return frozenset(exclude), frozenset(mask), placeholders.pop() if placeholders else None


def _masks(text: str) -> dict[str, str]:
    pair = rf"({_TEXT}) , to_jsonb \( ({_TEXT}) :: text \)"
    _require(re.fullmatch(rf"jsonb_build_object \( {pair}(?: , {pair})* \)", text) is not None)
    return {_literal(name): _literal(shown) for name, shown in re.findall(pair, text)}


def _update(change: dict[str, Tokens], mask: frozenset[str], placeholder: str | None) -> tuple[frozenset[str], bool]:
    fields = _FIELDS.fullmatch(_text(change["changed_fields"]))
    _require(fields is not None)
    assert fields is not None
    unseen = _names(fields["unseen"])
    before = change["changed_from"]
    if before == _NULL:
        return unseen, False
    head = ("if_null", "(", *change["changed_fields"], ",", "null", ",")
    if before[: len(head)] == head:
        before = before[len(head) : -1]
    match = _BEFORE.fullmatch(_text(before))
    _require(match is not None)
    assert match is not None
    _require(unwrapped(tokenize(match["fields"])) == change["changed_fields"])
    column = f"{match['u']} . {match['k']}"
    masked = _MASKED_BEFORE.fullmatch(match["value"])
    if masked:
        _require(masked["name"] == column and _names(masked["masked"]) == mask)
        _require(not mask or _literal(masked["shown"]) == placeholder)
    else:
        _require(match["value"] == f"to_jsonb ( old ) -> {column}" and not mask)
    return unseen, True


def _names(listed: str | None) -> frozenset[str]:
    return frozenset(_literal(text) for text in re.findall(_TEXT, listed or ""))


def _literal(token: str) -> str:
    _require(token[:1] == "'")
    return token[1:-1].replace("''", "'")


def _text(tokens: Tokens) -> str:
    return " ".join(tokens)


def _last(tokens: Tokens, wanted: str) -> int:
    return len(tokens) - 1 - tokens[::-1].index(wanted) if wanted in tokens else _unknown()


def _unknown() -> int:
    raise Unknown


def _require(condition: bool) -> None:
    if not condition:
        raise Unknown
