"""Reading a table without a primary key: ranges of blocks, all in one snapshot.

Rows have no lasting name, so a second snapshot could not go on where a first one ended: a row that moved meanwhile
would be read twice or never. Hence one transaction for all chunks, and an interrupted baseline begins anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from threadline_ops.capture.names import Table
from threadline_ops.continuity.chunking import ChunkRead, Sizing
from threadline_ops.continuity.keys import Bounds
from threadline_ops.continuity.reading import Reader, Stretch, TooBig
from threadline_ops.continuity.relation import Relation, cut_search_path
from threadline_ops.continuity.snapshot import moment
from threadline_ops.database import Database
from threadline_ops.errors import ContinuityError
from threadline_ops.sections import ContinuitySettings
from threadline_ops.sql import template

#: Blocks of the first range, and of any: 128 MB as PostgreSQL keeps them.
_FIRST, _MOST = 32, 16_384


@dataclass(frozen=True)
class Leaf:
    """A relation that holds rows: the table itself, or a partition."""

    table: Table
    blocks: int


@dataclass(frozen=True)
class Place:
    """The beginning of a block of a leaf, by the leaf's position."""

    leaf: int
    block: int

    def bound(self, leaves: list[Leaf]) -> tuple[str, ...]:
        """As a chunk's bound."""
        return (str(leaves[self.leaf].table), f"({self.block},0)")


def in_one_snapshot(
    database: Database, reader: Reader, limits: ContinuitySettings, before_chunk: Callable[[], object]
) -> Generator[ChunkRead]:
    """Every chunk of a table, in the order of its blocks.

    The transaction stays open from the first chunk to the last. It only reads, so stopping between two is safe; and
    it never rests, because resting would keep vacuum back and lock-waiters waiting for longer.

    Raises:
        ContinuityError: a partition is a foreign table.
        DatabaseError: the server refused a chunk.
    """
    sizing = Sizing(limits, _FIRST, _MOST)
    with database.transaction(read_only=True, snapshot=True) as connection:
        # Before anything is read: a table that is rewritten meanwhile would show rows that the snapshot knows as none.
        connection.execute(template("continuity/rows/lock").format(source=reader.relation.source))
        cut_search_path(database, reader.relation)
        seen = moment(database)
        leaves = _leaves(database, reader.relation)
        at: Place | None = Place(0, 0)
        after = None
        while at is not None:
            before_chunk()
            stretch, at = _read(database, reader, leaves, at, sizing)
            upto = at.bound(leaves) if at else None
            yield ChunkRead(stretch, Bounds(after, upto), seen)
            after = upto


def _read(
    database: Database, reader: Reader, leaves: list[Leaf], at: Place, sizing: Sizing
) -> tuple[Stretch, Place | None]:
    leaf = leaves[at.leaf]
    while True:
        beyond = at.block + sizing.size
        last = beyond >= leaf.blocks
        started = time.monotonic()
        try:
            with database.connection.transaction():
                stretch = reader.read_blocks(
                    database.connection, leaf.table, at.block, None if last else beyond, sizing.max_bytes
                )
        except TooBig:
            sizing.shrink()
            continue
        if not last:
            sizing.learn(stretch, time.monotonic() - started)
            return stretch, Place(at.leaf, beyond)
        return stretch, Place(at.leaf + 1, 0) if at.leaf + 1 < len(leaves) else None


def _leaves(database: Database, relation: Relation) -> list[Leaf]:
    rows = database.connection.execute(database.statement("continuity/leaves"), {"oid": relation.oid}).fetchall()
    leaves: list[Leaf] = []
    for schema, name, kind, blocks in rows:
        if kind != "r":
            raise ContinuityError(
                "the table has no primary key, and a partition that is a foreign table cannot be read by its blocks",
                got=str(Table(schema, name)),
                fix="add a primary key, or leave the table out",
            )
        leaves.append(Leaf(Table(schema, name), blocks))
    return leaves or [Leaf(relation.table, 0)]
