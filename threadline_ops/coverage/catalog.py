"""What the catalog says of every table that may be captured, read in one statement."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from threadline_ops.capture.names import Table
from threadline_ops.capture.policy import Shape
from threadline_ops.database import Database


@dataclass(frozen=True)
class DeployedFunction:
    """A function as it is in the database."""

    oid: int
    schema: str
    name: str
    arguments: str
    body: str
    language: str
    returns: str
    volatility: str
    definer: bool
    settings: tuple[str, ...]
    owner: str
    owner_may_write: bool
    public_may_execute: bool

    def __str__(self) -> str:
        return str(Table(self.schema, self.name))


@dataclass(frozen=True)
class DeployedTrigger:
    """A trigger as it is in the database; `kind` is pg_trigger.tgtype, `enabled` its tgenabled."""

    name: str
    kind: int
    enabled: str
    conditional: bool
    deferrable: bool
    copied: bool
    columns: tuple[str, ...]
    arguments: tuple[str, ...]
    function: DeployedFunction


@dataclass(frozen=True)
class DeployedTable:
    """A table with its capture triggers."""

    oid: int
    shape: Shape
    has_primary_key: bool
    partition: bool
    unlogged: bool
    triggers: tuple[DeployedTrigger, ...]
    parents: tuple[int, ...]

    @property
    def table(self) -> Table:
        """Its full name."""
        return self.shape.table


@dataclass(frozen=True)
class Catalog:
    """One state of the catalog.

    Attributes:
        tables: in order of their names.
        functions: capture's own, called by a trigger or not.
        fingerprint: SHA-256 that changes when anything here does.
    """

    tables: tuple[DeployedTable, ...]
    functions: tuple[DeployedFunction, ...]
    fingerprint: str


def read(database: Database, schemas: Iterable[str]) -> Catalog:
    """Read the catalog, within the transaction at hand.

    Args:
        database: its audit tables are left out.
        schemas: where to look for tables.
    """
    tables, functions, bodies = database.one(
        "coverage/catalog", {"schemas": sorted(set(schemas)), "audit_schema": database.settings.audit_schema}
    )
    texts = cast("dict[str, str]", json.loads(cast("str", bodies)))
    by_oid = {item["oid"]: _function(item, texts) for item in _items(functions)}
    return Catalog(
        tuple(_table(item, by_oid) for item in _items(tables)),
        tuple(by_oid.values()),
        hashlib.sha256(f"{tables}\0{functions}".encode()).hexdigest(),
    )


def _items(text: object) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", json.loads(cast("str", text)))


def _function(item: dict[str, Any], bodies: dict[str, str]) -> DeployedFunction:
    fields: dict[str, Any] = item | {"settings": tuple(item["settings"]), "body": bodies[item["body"]]}
    return DeployedFunction(**fields)


def _table(item: dict[str, Any], functions: dict[int, DeployedFunction]) -> DeployedTable:
    return DeployedTable(
        oid=item["oid"],
        shape=Shape(
            Table(item["schema"], item["name"]),
            tuple(item["columns"]),
            _keys(item),
            partitioned=item["kind"] == "p",
            leaves=tuple(Table(*leaf) for leaf in item["leaves"]),
            generated={name: tuple(sources) for name, sources in item["generated"].items()},
            readable=item["readable"],
        ),
        has_primary_key=item["has_primary_key"],
        partition=item["partition"],
        unlogged=item["persistence"] == "u",
        triggers=tuple(_trigger(trigger, functions) for trigger in item["triggers"]),
        parents=tuple(item["parents"]),
    )


def _keys(item: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    keys = tuple(tuple(columns) for columns in item["keys"])
    return keys[:1] if item["has_primary_key"] else keys


def _trigger(item: dict[str, Any], functions: dict[int, DeployedFunction]) -> DeployedTrigger:
    return DeployedTrigger(
        name=item["name"],
        kind=item["type"],
        enabled=item["enabled"],
        conditional=item["conditional"],
        deferrable=item["deferrable"],
        copied=item["copied"],
        columns=tuple(item["columns"] or ()),
        # Each argument ends with a zero byte, so that the last part is empty.
        arguments=tuple(part.decode() for part in bytes.fromhex(item["arguments"]).split(b"\0")[:-1]),
        function=functions[item["function"]],
    )
