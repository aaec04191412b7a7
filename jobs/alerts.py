"""`alert_sensor`: tells symptoms to the addresses in THREADLINE_OPS_ALERT_URLS."""

from datetime import UTC, datetime

import dagster as dg

from assets.labels import labelled_plainly
from assets.resources import Operations
from threadline_ops.alerts import SOURCES, run_round
from threadline_ops.errors import OpsError


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=labelled_plainly(
        "Tells failed, capped and overdue runs and findings to the addresses in THREADLINE_OPS_ALERT_URLS: "
        "once while each lasts, and again when it is over. What was told is kept beside the evidence, not in a cursor.",
        "alerts-are-blind",
    ),
)
def alert_sensor(context: dg.SensorEvaluationContext, operations: Operations) -> dg.SkipReason:
    """One round; it asks for no run."""
    settings = operations.settings()
    if settings.alert_urls is None:
        return dg.SkipReason("THREADLINE_OPS_ALERT_URLS is not set, so nobody would hear")
    try:
        done = run_round(settings, now=datetime.now(UTC), sources=SOURCES)
    except OpsError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None
    for number in done.undelivered:
        context.log.warning("address %s did not take a notice; the next tick tries again", number)
    return dg.SkipReason(f"{len(done.told)} told, {len(done.recovered)} recovered, {done.lasting} symptoms in all")


defs = dg.Definitions(sensors=[alert_sensor])
