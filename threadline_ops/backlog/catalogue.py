"""Every row of the adoption pilot backlog, in one place: what it says, what proves it, and for how long.

A run claims a row by its key (`Recording.support`); nothing else can give it a status but the settings, which may
say with reasons that it is out of scope.
"""

from __future__ import annotations

from dataclasses import dataclass

from threadline_ops.evidence import Severity


@dataclass(frozen=True)
class Row:
    """One row of the backlog.

    Attributes:
        key: `section.item`.
        title: what holds when the row is OK.
        evidenced_by: what a run has to show.
        proven_by: what to run: the job whose runs show it, and what it needs.
        severity: of the issue that a failure opens: P0 wrong or missing audit data or security, P1 friction, P2 lesser.
        area: in the issue's id, and what an owner is found by.
        host_only: evidence of class CI cannot make it OK, because it is about one real environment.
        valid_days: after that, evidence is too old; None takes the setting.
    """

    key: str
    title: str
    evidenced_by: str
    proven_by: str
    severity: Severity
    area: str
    host_only: bool = False
    valid_days: int | None = None

    @property
    def section(self) -> str:
        """The part of the backlog that it belongs to."""
        return self.key.split(".")[0]


#: Parts of the backlog in the order in which they are read.
SECTIONS = {
    "distribution": "Distribution preflight",
    "topology": "Connection topology (STG-01)",
    "paths": "Audited write paths (STG-02)",
    "capture": "1. Capture and triggers",
    "actor": "2. Actor bridge and semantics",
    "redaction": "3. Redaction",
    "retention": "4. Retention and purge",
    "export": "5. Export and investigation",
    "observability": "6. Observability",
    "continuity": "7. Brownfield and continuity",
    "parity": "In-repo parity",
}

#: The seven parts of the checklist walkthrough.
CHECKLIST = ("capture", "actor", "redaction", "retention", "export", "observability", "continuity")

ROWS = (
    Row(
        "distribution.version_matches_tag",
        "The installed release is the one that was tagged",
        "the version of the installed package equals backlog.release_tag",
        "backlog_render with backlog.release_tag set", "P1", "DISTRIBUTION",
    ),
    Row(
        "distribution.dependencies_resolve",
        "Every dependency is installed in a version that the release allows",
        "each requirement of the installed package's metadata is met, with no override",
        "backlog_render", "P1", "DISTRIBUTION",
    ),
    Row(
        "topology.chain_is_known",
        "The chain from application to PostgreSQL is established for this environment",
        "pooler, pool mode and prepare policy are read from the chain itself",
        "topology_check", "P1", "TOPOLOGY", host_only=True,
    ),
    Row(
        "topology.matches_production",
        "What was exercised has production's chain, or says in writing how it differs",
        "the exercised chain equals the one declared for production",
        "topology_check", "P1", "TOPOLOGY", host_only=True,
    ),
    Row(
        "paths.http_write_is_captured",
        "A write through the application's HTTP path is captured with its actor",
        "a probe's write appears in the audit tables with the actor that made it",
        "write_path_probe", "P0", "PATHS", host_only=True,
    ),
    Row(
        "paths.job_write_is_captured",
        "A write by a background job is captured with its actor",
        "a probe's write appears in the audit tables with a job as its actor",
        "write_path_probe", "P0", "PATHS", host_only=True,
    ),
    Row(
        "capture.triggers_installed",
        "Audit tables are installed and capture triggers are live",
        "the audit schema is complete and every capture trigger fires as defined",
        "coverage_check", "P0", "CAPTURE",
    ),
    Row(
        "capture.codegen_matches_runtime",
        "Deployed capture functions are what this environment's settings generate",
        "each deployed function's text equals the generated one",
        "coverage_check", "P0", "CAPTURE", host_only=True,
    ),
    Row(
        "capture.expected_tables_covered",
        "Every table that must be audited is",
        "each expected table exists and has a live trigger for every kind of write",
        "coverage_check", "P0", "COVERAGE",
    ),
    Row(
        "capture.coverage_in_health",
        "A lost trigger is noticed without anybody looking",
        "a run of the coverage check that a sensor or schedule asked for, and nobody else",
        "coverage_sensor", "P1", "COVERAGE",
    ),
    Row(
        "actor.set_in_the_writes_transaction",
        "The actor is set inside the transaction that writes, and leaks to no other behind a pooler",
        "a probe's write carries its actor, and the next one on the same connection does not",
        "write_path_probe", "P0", "ACTOR",
    ),
    Row(
        "actor.jobs_carry_actors",
        "Background jobs act under their own name",
        "a job's write carries an actor of type job, its action a correlation id and a job id",
        "write_path_probe", "P1", "ACTOR",
    ),
    Row(
        "actor.actions_recorded",
        "Where intent matters, an action says who did what and why",
        "a probe's transaction links to the action that it recorded",
        "write_path_probe", "P1", "ACTOR",
    ),
    Row(
        "redaction.policy_reviewed",
        "Security has reviewed the redaction policy as it is now",
        "the reviewed policy's hash in backlog.redaction_review equals that of the capture settings",
        "backlog_render with backlog.redaction_review set", "P0", "REDACTION", host_only=True, valid_days=365,
    ),
    Row(
        "redaction.dry_run_after_changes",
        "After a change of the redaction settings, its effect was shown before it was applied",
        "a dry run of the triggers with these settings came before they were applied",
        "threadline-ops triggers --dry-run", "P1", "REDACTION",
    ),
    Row(
        "redaction.json_masked_whole",
        "Masked json columns are masked as a whole, in captured rows",
        "every recorded value of a masked json column is the placeholder and nothing else",
        "coverage_check", "P0", "REDACTION",
    ),
    Row(
        "retention.config_validated",
        "The retention settings describe exactly one window, and a purge could follow them",
        "a purge run, dry or not, accepted the policy",
        "retention_purge, or archive_then_purge", "P1", "RETENTION",
    ),
    Row(
        "retention.dry_run_before_execute",
        "Nothing is purged under a policy that no dry run has shown",
        "a dry run; and before each executed run, a dry run of the same policy on the same database",
        "retention_purge, or archive_then_purge", "P0", "RETENTION",
    ),
    Row(
        "retention.batch_size_and_schedule",
        "Batches are small enough and frequent enough to reach the end",
        "an executed run stayed within its batch size and left nothing expired",
        "retention_purge, or archive_then_purge", "P1", "RETENTION",
    ),
    Row(
        "retention.backups_aligned",
        "Backups reach back as far as a purge would need them to",
        "archiving works, and the recoverable window covers the time since the newest purge",
        "backlog_render", "P1", "RETENTION", host_only=True,
    ),
    Row(
        "export.filters_match_timeline",
        "Exports select what the timeline shows",
        "an export and the timeline under the same filter have the same changes",
        "audit_export", "P1", "EXPORT",
    ),
    Row(
        "export.large_exports",
        "Large exports are streamed, and a cap says that it cut",
        "an export wrote as many changes as the database holds for its filter, or said that it did not",
        "audit_export", "P1", "EXPORT",
    ),
    Row(
        "observability.telemetry_attached",
        "Somebody hears of captures and of health checks",
        "the coverage check's result reached the configured receiver",
        "coverage_check", "P2", "OBSERVABILITY",
    ),
    Row(
        "observability.purge_logs_visible",
        "What a purge did can be read afterwards",
        "an executed purge's log was stored and read back",
        "retention_purge, or archive_then_purge", "P1", "OBSERVABILITY", host_only=True,
    ),
    Row(
        "continuity.guide_followed",
        "Tables that held rows before their first capture have a baseline outside the audit tables",
        "a baseline of each such table, with the moment its capture began",
        "continuity_backfill", "P1", "CONTINUITY",
    ),
    Row(
        "continuity.verified",
        "The gap before each table's first capture is known and reported as such",
        "baselines read back unaltered, and every row's history begins at or after its table's first capture",
        "continuity_verify", "P1", "CONTINUITY",
    ),
    Row(
        "parity.tests_pass",
        "This release's own tests pass",
        "the tests that are marked with a row of this backlog",
        "make test", "P1", "PARITY",
    ),
)  # fmt: skip

BY_KEY = {row.key: row for row in ROWS}
