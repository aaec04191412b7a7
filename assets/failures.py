"""Library errors as Dagster failures: the message, its parts as metadata, and no retry where none can help."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from threadline_ops.errors import DatabaseError, LockHeld, OpsError, UnsafeDatabase
from threadline_ops.progress import Interrupted

#: The same run may succeed later: the server was away, busy or out of space.
_RETRYABLE = (DatabaseError,)
#: But not these: a lock holder does the work already, and danger does not pass by itself.
_FINAL = (LockHeld, UnsafeDatabase)


@contextmanager
def failures() -> Generator[None]:
    """Raise dg.Failure for an OpsError, and Dagster's own interruption for a requested stop."""
    try:
        yield
    except Interrupted:
        raise dg.DagsterExecutionInterruptedError from None
    except OpsError as error:
        raise dg.Failure(
            description=str(error),
            metadata={"error": type(error).__name__, "what": error.what, "fix": error.fix},
            allow_retries=isinstance(error, _RETRYABLE) and not isinstance(error, _FINAL),
        ) from None
