"""What the server and its client library say, as errors of ours: never with a row's value or a password."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg

from threadline_ops.errors import Busy, DatabaseError, Unreachable, UnsafeDatabase


def unreachable(error: Exception, target: dict[str, Any]) -> Unreachable:
    """Why no connection was made to the place that `target` names, as libpq spells its parts.

    In words of ours: libpq's may quote the connection string.
    """
    place = f"{target.get('host', 'localhost')}:{target.get('port', 5432)}"
    text = str(error)
    if "password" in text or "authentication" in text or "pg_hba" in text:
        return Unreachable(
            f"{place} refused the login of {target.get('user')!r}",
            fix="check user and password in THREADLINE_OPS_DSN and the server's pg_hba.conf",
        )
    if "does not exist" in text:
        return Unreachable(
            f"{place} has no such database or role",
            got={"dbname": target.get("dbname"), "user": target.get("user")},
            fix="correct THREADLINE_OPS_DSN",
        )
    reasons = {
        "refused": "nothing listens there",
        "timeout": "no answer in time",
        "translate": "unknown host",
    }
    reason = next((words for sign, words in reasons.items() if sign in text), "the connection failed")
    return Unreachable(
        f"no connection to {place}: {reason}",
        fix="check that the server runs and that THREADLINE_OPS_DSN names it",
    )


_PLAIN: dict[str, tuple[str, str]] = {
    "25006": ("this session is read-only", "connect to the primary with a role that may write"),
    "40P01": (
        "the server ended a deadlock by refusing this transaction",
        "run again; nothing of it was kept",
    ),
    "42501": ("the role lacks a privilege", "grant it, or use another role"),
    "53100": ("the server's disk is full", "free space, then run again; nothing of this step was kept"),
    "55P03": ("a lock was not granted in time", "run again later, or raise database.lock_timeout_ms"),
    "57014": (
        "a statement was canceled or ran into its time limit",
        "use a smaller batch, or raise database.statement_timeout_ms",
    ),
    "57P01": ("the server is shutting down", "run again when it is back; finished batches are kept"),
}
#: Refusals that pass: nothing is wrong with the step itself.
_BUSY = ("40P01", "55P03", "57014")


@contextmanager
def translated() -> Generator[None]:
    """Turn psycopg's errors into ours.

    The server's message may quote a row's value, so only its code, relation and constraint are passed on.
    """
    try:
        yield
    except psycopg.Error as error:
        raise _translation(error) from None


def _translation(error: psycopg.Error) -> DatabaseError:
    said = error.diag
    return refusal(
        error.sqlstate or "", name=type(error).__name__, relation=said.table_name, message=said.message_primary
    )


def refusal(
    state: str, *, name: str = "an error", relation: str | None = None, message: str | None = None
) -> DatabaseError:
    """What a code of the server means; without one, the connection was lost.

    Args:
        state: SQLSTATE.
        name: how people call the code.
        relation: the table that it is about.
        message: the server's, never passed on.
    """
    if state == "42501" and "row-level security" in (message or ""):
        return UnsafeDatabase(
            "row-level security hides rows of the audit tables from this role",
            fix="use a role with BYPASSRLS or the tables' owner; purging by what such a role can see would "
            "delete transactions whose changes are merely hidden",
        )
    if state in _PLAIN:
        what, fix = _PLAIN[state]
        kind = Busy if state in _BUSY else DatabaseError
        return kind(f"{what} (SQLSTATE {state}{f', {relation}' if relation else ''})", fix=fix)
    if not state:
        return DatabaseError(
            "the connection to the server was lost",
            fix="run again; finished steps are kept, the open one is not",
        )
    return DatabaseError(
        f"the server refused a statement: {name} (SQLSTATE {state})",
        fix="look up the code and the server's log",
    )
