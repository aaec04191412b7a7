"""What a slice's live rows are: what they hold, for the manifest, and which versions they are, for the deletion.

PostgreSQL never alters the version of a row. So a deletion that took the very versions which a look compared with the
archive took what is archived, however long the look is ago; and looking can go ahead of deleting.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from threadline_ops.archive.slices import Slice
from threadline_ops.database import Database
from threadline_ops.errors import DatabaseError

#: Slices that are looked at before they are asked for: now and then a look takes longer than a deletion.
AHEAD = 2


@dataclass(frozen=True)
class Versions:
    """Which versions of which rows: two numbers of rows, each with a digest that takes their order by key."""

    changes: int
    changes_digest: str
    transactions: int
    transactions_digest: str


@dataclass(frozen=True)
class Look:
    """A slice as one moment saw it.

    Attributes:
        measure: to be compared with the archived slice's.
        versions: to be compared with the deleted ones.
        places: of the transactions, as the server writes an array of them.
        tables: the changes summed up by table, for the certificate.
    """

    measure: tuple[int, str, int, str]
    versions: Versions
    places: str
    tables: list[dict[str, Any]]


def look(database: Database, part: Slice) -> Look:
    """Look at a slice, in a transaction of its own.

    Raises:
        DatabaseError: the server refused, or was lost.
    """
    with database.transaction(read_only=True):
        database.one("archive/look_settings")
        changes, digest, transactions, transactions_digest, of_changes, of_transactions, places, tables = database.one(
            "archive/look_slice", part.bounds
        )
    versions = Versions(changes, of_changes, transactions, of_transactions)
    return Look((changes, digest, transactions, transactions_digest), versions, places, tables)


class Ahead:
    """Looks at slices while those before them are deleted.

    Args:
        database: a connection that nobody else uses.
        pool: of one thread, which uses it.
        parts: in the order in which they will be asked for; any of them may be left out.
    """

    def __init__(self, database: Database, pool: ThreadPoolExecutor, parts: Iterable[Slice]) -> None:
        self._database = database
        self._pool = pool
        self._following = dict(pairwise(parts))
        self._looking: dict[Slice, Future[Look]] = {}

    def take(self, part: Slice) -> Look | None:
        """The look at this slice, None if there is none; and begin with the next ones."""
        looking = self._looking.pop(part, None)
        self._looking = {
            each: self._looking.get(each) or self._pool.submit(look, self._database, each)
            for each in islice(self._after(part), AHEAD)
        }
        if looking is not None:
            # Whoever has to look instead meets the same trouble, and knows how to be patient with it.
            with suppress(DatabaseError):
                return looking.result()
        return None

    def _after(self, part: Slice) -> Iterator[Slice]:
        following = self._following.get(part)
        while following is not None:
            yield following
            following = self._following.get(following)


@contextmanager
def looking_ahead(connect: AbstractContextManager[Database], parts: Iterable[Slice]) -> Generator[Ahead]:
    """Look ahead for the length of a `with`, on a connection of its own."""
    with connect as database, ThreadPoolExecutor(1, "archive-look") as pool:
        yield Ahead(database, pool, parts)
