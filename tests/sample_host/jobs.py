"""The application's own Dagster location: a job that closes the day, as its worker does."""

import os

import dagster as dg

from tests.sample_host.worker import close_day as close


class CloseConfig(dg.Config):
    """What the launch must say."""

    correlation_id: str


@dg.op
def close_bookings(context: dg.OpExecutionContext, config: CloseConfig) -> None:
    """Close, if the tag says the same as the config."""
    assert context.run.tags["threadline/correlation_id"] == config.correlation_id
    close(os.environ["SAMPLE_HOST_DSN"], config.correlation_id)


@dg.job(executor_def=dg.in_process_executor)
def close_day():
    """One op."""
    close_bookings()


defs = dg.Definitions(jobs=[close_day])
