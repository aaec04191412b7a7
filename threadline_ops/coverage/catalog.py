"""What the catalog says of every table that may be captured, read in one statement."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from threadline_ops.capture.names import Table
from threadline_ops.capture.policy import Shape
from threadline_ops.database import Database


# Named tuples, because thousands of them are made at each look, and a frozen dataclass takes several times as long.
class DeployedFunction(NamedTuple):
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


class DeployedTrigger(NamedTuple):
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


class DeployedTable(NamedTuple):
    """A table with its capture triggers."""

    oid: int
    table: Table
    shape: Shape
    has_primary_key: bool
    partition: bool
    unlogged: bool
    triggers: tuple[DeployedTrigger, ...]
    parents: tuple[int, ...]


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
    by_oid = {function.oid: function for function in _functions(_items(functions), _items(bodies))}
    return Catalog(
        tuple(_table(item, by_oid) for item in _items(tables)),
        tuple(by_oid.values()),
        hashlib.sha256(f"{tables}\0{functions}".encode()).hexdigest(),
    )


# The statement gives values in an order, without names: a third of the bytes, and much less to parse.
def _items(text: object) -> Any:
    return json.loads(cast("str", text))


def _functions(alike: list[Any], bodies: dict[str, str]) -> Iterator[DeployedFunction]:
    for (schema, arguments, digest, language, returns, volatility, definer, settings, *rights), named in alike:
        owner, owner_may_write, public_may_execute = rights
        like = (bodies[digest], language, returns, volatility, definer, tuple(settings))
        for oid, name in named:
            yield DeployedFunction(oid, schema, name, arguments, *like, owner, owner_may_write, public_may_execute)


def _table(item: list[Any], functions: dict[int, DeployedFunction]) -> DeployedTable:
    oid, schema, name, kind, persistence, partition, columns, keys, has_primary_key = item[:9]
    generated, leaves, readable, triggers, parents = item[9:]
    table = Table(schema, name)
    candidates = tuple(tuple(cast("list[str]", names)) for names in keys or ())
    shape = Shape(
        table,
        tuple(columns or ()),
        candidates[:1] if has_primary_key else candidates,
        kind == "p",
        tuple(Table(*leaf) for leaf in leaves or ()),
        {name: tuple(sources) for name, sources in generated.items()} if generated else {},
        readable,
    )
    found = tuple(_trigger(trigger, functions) for trigger in triggers or ())
    return DeployedTable(oid, table, shape, has_primary_key, partition, persistence == "u", found, tuple(parents or ()))


def _trigger(item: list[Any], functions: dict[int, DeployedFunction]) -> DeployedTrigger:
    name, kind, enabled, conditional, deferrable, copied, columns, arguments, function = item
    # Each argument ends with a zero byte, so that the last part is empty.
    given = tuple(bytes.fromhex(arguments).decode().split("\0")[:-1]) if arguments else ()
    return DeployedTrigger(
        name, kind, enabled, conditional, deferrable, copied, tuple(columns or ()), given, functions[function]
    )
