"""The `archive_write`, `archive_verify` and `archive_then_purge` jobs."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from assets.archive import audit_archive, purge_archived_changes, verify_archive
from assets.labels import labelled
from jobs.limits import run_tags

archive_write = dg.define_asset_job(
    "archive_write",
    selection=dg.AssetSelection.assets(audit_archive),
    # In process, as every job here: a kill leaves no child behind.
    executor_def=dg.in_process_executor,
    description=labelled(
        "Archive UTC days of changes, one partition each. While an open or prepared transaction can add to a "
        "day, it waits, and the log names who keeps it open.",
        "archive-write",
    ),
    tags=run_tags("audit_archive", at_most=timedelta(hours=24)),
)


@dg.job(
    executor_def=dg.in_process_executor,
    description=labelled(
        "Read the archive back: hashes, counts and digests, and the chain of its manifests.",
        "archive-verify",
    ),
    tags=run_tags("archive_verify", at_most=timedelta(hours=24)),
)
def archive_verify() -> None:
    """Wire the op; its config is the job's."""
    verify_archive()


@dg.job(
    executor_def=dg.in_process_executor,
    description=labelled(
        "Archive what is expired, read it back, and delete only what is the same. A dry run unless the "
        "Launchpad says `mode: execute` and the settings say `retention.enabled = true`.",
        "archive-then-purge",
    ),
    tags=run_tags("archive_then_purge", at_most=timedelta(hours=24)),
)
def archive_then_purge() -> None:
    """Wire the op; its config is the job's."""
    purge_archived_changes()


defs = dg.Definitions(assets=[audit_archive], jobs=[archive_write, archive_verify, archive_then_purge])
