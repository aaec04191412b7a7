"""What every job says about itself: its operation and environment, how long it takes, whether it may be repeated."""

from __future__ import annotations

from datetime import timedelta

from assets.location import ENVIRONMENT_TAG, OPERATION_TAG
from threadline_ops import settings as configuration

_environment = configuration.load().environment

#: Crashes of a run's process only: an error that the run itself reports would be the same again, or needs a person.
_RETRIES = {"dagster/max_retries": "2", "dagster/retry_on_asset_or_op_failure": "false"}


def run_tags(operation: str, *, at_most: timedelta, repeatable: bool = False) -> dict[str, str]:
    """The tags of a job's runs.

    Args:
        operation: what evidence calls it.
        at_most: Dagster fails a run that takes longer; of a purge, the batches that it committed stay.
        repeatable: it only reads, so a run whose process died may be started again unasked.
    """
    tags = {
        OPERATION_TAG: operation,
        ENVIRONMENT_TAG: _environment,
        "dagster/max_runtime": str(int(at_most.total_seconds())),
    }
    return tags | (_RETRIES if repeatable else {})
