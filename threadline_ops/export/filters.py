"""The filters that the timeline, every export, the command line and Dagster share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self, cast

from threadline_ops.errors import FilterError

#: Threadline's keys; there are no others.
ALLOWED = ("table", "actor_ref", "from", "to", "correlation_id")
#: Who may act. All but the anonymous have an id.
ACTOR_TYPES = ("user", "admin", "service_account", "job", "system", "anonymous")
#: The longest correlation id, in bytes of UTF-8: Threadline's rule.
LONGEST_CORRELATION_ID = 256


@dataclass(frozen=True)
class Filters:
    """Which changes to read; every filter is optional, and all that are given must hold.

    Attributes:
        table: the table's name as captured, without its schema.
        actor_ref: contained in the transaction's actor, such as {"type": "user", "id": "42"}.
        since: the key `from`; captured at this instant or later.
        until: the key `to`; captured at this instant or earlier.
        correlation_id: only changes whose transaction links to an action with this id.

    Raises:
        FilterError: a value is malformed, or `from` lies after `to`.
    """

    table: str | None = None
    actor_ref: Mapping[str, str] | None = field(default=None, hash=False)
    since: datetime | None = None
    until: datetime | None = None
    correlation_id: str | None = None

    def __post_init__(self) -> None:
        _check_table(self.table)
        if self.actor_ref is not None:
            _check_actor(self.actor_ref)
        _check_instant("from", self.since)
        _check_instant("to", self.until)
        if self.since and self.until and self.since > self.until:
            raise FilterError(
                "from lies after to",
                got=f"{self.since.isoformat()} > {self.until.isoformat()}",
                fix="swap them; both ends are inclusive",
            )
        if self.correlation_id is not None:
            # Frozen, so that the trimmed value is the only one that anybody sees.
            object.__setattr__(self, "correlation_id", _correlation_id(self.correlation_id))

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> Self:
        """Filters from a mapping under Threadline's keys, with text where the values come from outside.

        Raises:
            FilterError: an unknown key, which is named with the allowed ones, or a malformed value.
        """
        unknown = sorted(set(values) - set(ALLOWED))
        if unknown:
            raise FilterError("unknown filter", got=unknown[0], fix=f"use one of {', '.join(ALLOWED)}")
        if "correlation_id" in values:
            _correlation_id(values["correlation_id"])
        return cls(
            table=cast("str | None", values.get("table")),
            actor_ref=_actor(values.get("actor_ref")),
            since=_instant("from", values.get("from")),
            until=_instant("to", values.get("to")),
            correlation_id=cast("str | None", values.get("correlation_id")),
        )

    @property
    def narrow(self) -> bool:
        """Whether more than time is asked for, so that neighbours in time need not match."""
        return (self.table, self.actor_ref, self.correlation_id) != (None, None, None)

    def parameters(self) -> dict[str, Any]:
        """The parameters of every statement below sql/export."""
        return {
            "table": self.table,
            "actor_ref": None if self.actor_ref is None else json.dumps(dict(self.actor_ref)),
            "from": self.since,
            "to": self.until,
            "correlation_id": self.correlation_id,
            "snapshot": None,
        }

    def plain(self) -> dict[str, Any]:
        """The filters that are set, under Threadline's keys, for manifests and metadata."""
        times = {"from": self.since, "to": self.until}
        values: dict[str, Any] = {"table": self.table, "actor_ref": self.actor_ref and dict(self.actor_ref)}
        values |= {key: when and when.astimezone(UTC).isoformat() for key, when in times.items()}
        values["correlation_id"] = self.correlation_id
        return {key: value for key, value in values.items() if value is not None}


def _check_table(table: object) -> None:
    if table is not None and not (isinstance(table, str) and table and "\0" not in table):
        raise FilterError("the table filter must be a name", got=table, fix="give the table's name alone")


def _check_actor(actor: Mapping[str, object]) -> None:
    kind, identity = actor.get("type"), actor.get("id")
    wanted = {"type"} if kind == "anonymous" else {"type", "id"}
    named = isinstance(identity, str) and identity.strip() != "" and "\0" not in identity
    if kind not in ACTOR_TYPES or set(actor) != wanted or not (kind == "anonymous" or named):
        raise FilterError(
            "the actor_ref filter is no actor",
            got=dict(actor),
            fix=f'write {{"type": T, "id": "..."}} with T in {", ".join(ACTOR_TYPES[:-1])}, '
            'or {"type": "anonymous"}; on the command line also user:42',
        )


def _check_instant(key: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, datetime):
        raise FilterError(f"the filter {key} is no time", got=value, fix="write it like 2026-01-31T00:00:00Z")
    if value.tzinfo is None:
        raise FilterError(
            f"the filter {key} has no time zone",
            got=value.isoformat(),
            fix="append Z or an offset such as +02:00",
        )


def _correlation_id(value: object) -> str:
    trimmed = value.strip() if isinstance(value, str) else ""
    if not trimmed or "\0" in trimmed:
        raise FilterError(
            "the correlation_id filter must be text that is not blank",
            got=value,
            fix="give an id, or leave the filter out",
        )
    size = len(trimmed.encode())
    if size > LONGEST_CORRELATION_ID:
        raise FilterError(
            f"the correlation_id filter is longer than {LONGEST_CORRELATION_ID} bytes",
            got=f"{size} bytes",
            fix="give the id as it was recorded",
        )
    return trimmed


def _instant(key: str, value: object) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise FilterError(
            f"the filter {key} is no ISO 8601 time", got=value, fix="write it like 2026-01-31T00:00:00Z"
        ) from None


def _actor(value: object) -> Mapping[str, str] | None:
    """An actor from a mapping, its JSON text, or the short form `type:id`."""
    if isinstance(value, str):
        kind, _, identity = value.partition(":")
        if kind in ACTOR_TYPES:
            return {"type": kind} if kind == "anonymous" else {"type": kind, "id": identity}
        try:
            value = json.loads(value)
        except ValueError:
            value = {"type": kind}
    if value is None:
        return None
    return cast("Mapping[str, str]", value if isinstance(value, Mapping) else {"type": str(value)})
