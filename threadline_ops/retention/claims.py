"""What a purge run shows for the adoption backlog, with the negative control of each check."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from threadline_ops import evidence
from threadline_ops.database import Database, Identity
from threadline_ops.errors import PolicyError
from threadline_ops.retention.events import PurgeResult
from threadline_ops.retention.policy import LARGEST_BATCH, Policy
from threadline_ops.retention.scope import Scope
from threadline_ops.retention.steps import NIL_UUID
from threadline_ops.sections import RetentionSettings

CONFIG = "retention.config_validated"
DRY_RUN_FIRST = "retention.dry_run_before_execute"
BATCHES = "retention.batch_size_and_schedule"
LOGS = "observability.purge_logs_visible"

#: Earlier than any change, so that a control that went wrong would find nothing to delete.
_NEVER = "-infinity"


def subject(policy: Policy, audit_schema: str, identity: Identity) -> dict[str, Any]:
    """What a purge is about: what goes from where. How large its steps are makes it no other purge."""
    return {
        "window_s": policy.window.total_seconds(),
        "table_windows_s": {".".join(table): window.total_seconds() for table, window in sorted(policy.tables.items())},
        "keep_current": policy.keep_current,
        "delete_empty_transactions": policy.delete_empty_transactions,
        "delete_actions": policy.delete_actions,
        "audit_schema": audit_schema,
        "system_identifier": identity.system_identifier,
        "database": identity.database,
    }


def configured(recording: evidence.Recording, settings: RetentionSettings, *, execute: bool) -> Policy:
    """The policy as configured, with the claim that it was accepted; a run that fails owes the rest.

    Raises:
        PolicyError: the settings describe no policy.
    """
    recording.expect(DRY_RUN_FIRST, *((BATCHES, LOGS) if execute else ()))
    try:
        policy = Policy.from_settings(settings)
    except PolicyError as error:
        recording.support(CONFIG, ok=False, detail=error.what)
        raise
    _claim_policy(recording, policy)
    return policy


def parameters(policy: Policy) -> dict[str, Any]:
    """The policy as a run's record tells it."""
    windows = {".".join(table): window.total_seconds() for table, window in policy.tables.items()}
    return asdict(policy) | {"tables": windows, "hours": policy.hours and str(policy.hours)}


def _claim_policy(recording: evidence.Recording, policy: Policy) -> None:
    """The configured policy was accepted; one without a window would not be."""
    recording.support(
        CONFIG,
        detail=f"a window of {policy.window.total_seconds() / 86_400:g} days was accepted",
        control=evidence.control("a window of no length", lambda: replace(policy, window=timedelta(0))),
    )


def claim_dry_run(recording: evidence.Recording, database: Database) -> None:
    """The counts came from transactions in which the server refuses to delete."""
    recording.support(
        DRY_RUN_FIRST,
        detail="the policy was shown by a dry run that could not delete",
        control=evidence.control("a delete in the dry run's kind of transaction", lambda: _delete_read_only(database)),
    )


def claim_purge(
    recording: evidence.Recording,
    policy: Policy,
    result: PurgeResult,
    *,
    largest_batch: int,
    allowed: int | None = None,
) -> None:
    """The purge reached its end in batches of the allowed size, and its policy had been shown before.

    Args:
        recording: of the run.
        policy: that it followed.
        result: what it came to.
        largest_batch: changes.
        allowed: changes a batch, where something else than the policy limits it.
    """
    now_subject = recording.subject
    longer = now_subject | {"window_s": now_subject["window_s"] + 1}
    recording.support(
        DRY_RUN_FIRST,
        detail="a dry run of this policy on this database came before",
        after="dry_run",
        control=evidence.control("a policy with another window", lambda: longer == now_subject),
    )
    if allowed is None:
        allowed = policy.sizing.ceiling if policy.sizing else policy.batch_size
    within = largest_batch <= allowed
    detail = f"{result.batches} batches of at most {largest_batch} changes, {result.remaining_changes} expired remain"
    recording.support(
        BATCHES,
        ok=within and result.outcome == "complete",
        detail=detail if within else f"{detail}, more than the allowed {allowed}",
        control=evidence.control(
            "a batch size beyond any allowed", lambda: replace(policy, batch_size=LARGEST_BATCH + 1)
        ),
    )
    recording.support_by_log(LOGS)


def _delete_read_only(database: Database) -> bool:
    edge = {"after_time": _NEVER, "last_time": _NEVER, "after_id": NIL_UUID, "last_id": NIL_UUID}
    scope = Scope(datetime(1, 1, 1, tzinfo=UTC))
    statement = scope.statement(database, "retention/delete_slice", holds=False)
    with database.transaction(read_only=True) as connection:
        connection.execute(statement, scope.parameters | edge)
    return True
