"""Library errors as Dagster failures: the message, its parts as metadata, and no retry where none can help."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypedDict

import dagster as dg

from threadline_ops.errors import DatabaseError, LockHeld, OpsError, UnsafeDatabase
from threadline_ops.evidence import attempts
from threadline_ops.progress import Interrupted
from threadline_ops.stopping import stop_requested

#: The same run may succeed later: the server was away, busy or out of space.
_RETRYABLE = (DatabaseError,)
#: But not these: a lock holder does the work already, and danger does not pass by itself.
_FINAL = (LockHeld, UnsafeDatabase)


@contextmanager
def failures() -> Generator[None]:
    """Raise dg.Failure for an OpsError, and Dagster's own interruption for a requested stop."""
    try:
        with attempts.retrying(_another_follows):
            yield
    except Interrupted:
        raise dg.DagsterExecutionInterruptedError from None
    except OpsError as error:
        raise dg.Failure(
            description=str(error),
            metadata={"error": type(error).__name__, "what": error.what, "fix": error.fix},
            allow_retries=_may_pass(error),
        ) from None


class Terms(TypedDict):
    """What a run of the library asks of its caller, in Dagster's terms."""

    run_id: str
    should_stop: Callable[[], bool]
    echo: Callable[[str], None]


@contextmanager
def run_of(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Generator[Terms]:
    """The run at hand: its id, its log, its termination, and its failures as `failures` raises them."""
    with failures(), stop_requested() as should_stop:
        yield Terms(run_id=context.run.run_id, should_stop=should_stop, echo=context.log.info)


def _may_pass(error: OpsError) -> bool:
    return isinstance(error, _RETRYABLE) and not isinstance(error, _FINAL)


def _another_follows(error: BaseException) -> bool:
    """Whether Dagster will try the op at hand again: its evidence then waits for the last attempt."""
    if isinstance(error, OpsError) and not _may_pass(error):
        return False
    try:
        context = dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return False  # a sensor's or a schedule's evaluation, which Dagster repeats by itself
    policy = context.get_step_execution_context().op_retry_policy
    return isinstance(error, Exception) and policy is not None and context.retry_number < policy.max_retries
