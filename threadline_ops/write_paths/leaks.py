"""Look for an actor that outlived its transaction, on the backends of the pool that the host shares with us."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from threadline_ops.database import Connection, connect
from threadline_ops.server_errors import translated
from threadline_ops.settings import Settings
from threadline_ops.sql import statement

_CONNECTIONS = 4
_ROUNDS = 5


@dataclass(frozen=True)
class Leaks:
    """What backends held.

    Attributes:
        left: one of them had an actor.
        before: already before the path ran.
        backends: those that were looked at afterwards.
        pooled: backends are shared, so that the host's can be among them.
    """

    left: bool
    before: bool
    backends: frozenset[int]
    pooled: bool


def look(settings: Settings) -> tuple[bool, frozenset[int], bool]:
    """Whether any backend within reach has an actor, which ones were looked at, and whether they are pooled."""
    found = False
    backends: set[int] = set()
    with ExitStack() as stack, translated():
        connections: list[Connection] = [stack.enter_context(connect(settings)) for _ in range(_CONNECTIONS)]
        for connection in connections * _ROUNDS:
            row = connection.execute(statement("write_paths/actor_left_behind")).fetchone()
            assert row is not None
            backends.add(int(row[0]))
            found = found or bool(row[1])
        pooled = any(connection.info.backend_pid not in backends for connection in connections)
    return found, frozenset(backends), pooled
