"""The `backlog_render` job, and the sensor that gives every run its evidence."""

from datetime import timedelta

import dagster as dg

from assets.backlog import ADOPTION_BACKLOG, adoption_backlog, head_metadata
from assets.evidence import Cursor, reconcile
from assets.failures import failures
from assets.labels import labelled, labelled_plainly
from assets.location import CodeLocation
from assets.resources import Operations
from jobs.limits import run_tags

backlog_render = dg.define_asset_job(
    "backlog_render",
    selection=dg.AssetSelection.assets(adoption_backlog) | dg.AssetSelection.checks_for_assets(adoption_backlog),
    executor_def=dg.in_process_executor,
    description=labelled(
        "Look at this host, then render the adoption backlog from the evidence and check it.",
        "backlog-render",
    ),
    tags=run_tags("backlog_render", at_most=timedelta(hours=1), repeatable=True),
)


@dg.sensor(
    job=backlog_render,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=labelled_plainly(
        "Gives every finished run its evidence record if it left none (killed, canceled, never started), and "
        "asks for a rendering of the backlog when there is news. It looks at run records with an overlap, because a "
        "run-status sensor hears of each run at most once and of runs from the command line never.",
        "the-evidence-is-unaltered",
    ),
)
def run_evidence_sensor(context: dg.SensorEvaluationContext, operations: Operations) -> dg.SensorResult:
    """One look at the instance's finished runs."""
    cursor = Cursor.parse(context.cursor)
    origin = context.code_location_origin
    with failures():
        settings = operations.settings()
        location = CodeLocation(settings.environment, context.repository_def, origin.location_name if origin else None)
        found = reconcile(context.instance, settings, cursor, location)
    for run_id in found.recorded:
        context.log.info("run %s left no record; it has one now", run_id)
    news = found.head is not None and found.head.sequence != cursor.sequence
    return dg.SensorResult(
        cursor=found.cursor.text(),
        asset_events=[dg.AssetObservation(ADOPTION_BACKLOG, metadata=head_metadata(found.head))] if news else [],
        run_requests=[dg.RunRequest(run_key=found.head.sha256)] if found.news and found.head else [],
    )


defs = dg.Definitions(assets=[adoption_backlog], jobs=[backlog_render], sensors=[run_evidence_sensor])
