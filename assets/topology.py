"""Connection topology and audited write paths as Dagster assets with their checks."""

from collections.abc import Iterator

import dagster as dg

from assets.failures import failures
from assets.keys import key_of
from assets.labels import check_spec
from assets.pools import AUDIT_CHECKS
from assets.resources import Operations
from threadline_ops.stopping import stop_requested
from threadline_ops.topology import EnvironmentReport, TopologyReport, TopologyRequest, markdown, run_topology
from threadline_ops.write_paths import ProbeReport, ProbeRequest, run_probes
from threadline_ops.write_paths import markdown as paths_markdown

CONNECTION_TOPOLOGY = key_of("connection_topology")
AUDITED_WRITE_PATHS = key_of("audited_write_paths")

TOPOLOGY_CHECKS = (
    check_spec(
        "every_chain_is_known",
        CONNECTION_TOPOLOGY,
        "In every reachable environment it is established what stands before PostgreSQL.",
    ),
    check_spec(
        "the_contract_holds_behind_every_pooler",
        CONNECTION_TOPOLOGY,
        "Every clause that audited writes rely on holds, and fails where its negative control breaks it.",
    ),
    check_spec(
        "every_environment_matches_production",
        CONNECTION_TOPOLOGY,
        "What was exercised has production's chain. A difference is a warning, with its paragraph.",
    ),
)

PATH_CHECKS = (
    check_spec(
        "every_write_path_is_audited",
        AUDITED_WRITE_PATHS,
        "Every exercised path is captured, attributed, linked and redacted as it should be.",
    ),
)


@dg.multi_asset(
    name="connection_topology",
    specs=[
        dg.AssetSpec(
            CONNECTION_TOPOLOGY,
            group_name="topology",
            kinds={"postgres"},
            description="The chain from application to PostgreSQL in every environment (STG-01), measured and probed.",
        )
    ],
    check_specs=TOPOLOGY_CHECKS,
    pool=AUDIT_CHECKS,
)
def connection_topology(context: dg.AssetExecutionContext, operations: Operations) -> dg.MaterializeResult:
    """One run over every declared environment."""
    with failures(), stop_requested() as should_stop:
        report = run_topology(
            operations.settings(),
            TopologyRequest(),
            run_id=_evidence_id(context, "topology_check"),
            should_stop=should_stop,
            echo=context.log.info,
        )
    metadata = {
        "topology": dg.MetadataValue.md(markdown(report.rows)),
        "environments": len(report.environments),
        "environments_with_issues": report.violations,
        "seconds": report.seconds,
        "evidence": dg.MetadataValue.path(str(report.evidence)),
        "log": dg.MetadataValue.path(str(report.log)),
    }
    return dg.MaterializeResult(metadata=metadata, check_results=list(_topology_results(report)))


def _evidence_id(context: dg.AssetExecutionContext, job: str) -> str:
    """The run's id; where several assets share a run, each leaves evidence of its own."""
    return context.run.run_id if context.run.job_name == job else f"{context.run.run_id}.{job}"


def _topology_results(report: TopologyReport) -> Iterator[dg.AssetCheckResult]:
    unknown = [environment for environment in report.environments if environment.problems]
    broken = [f"{e.name}: {probe.sentence}: {probe.observed}" for e in report.environments for probe in _issues(e)]
    other = [row.matches.paragraph for row in report.rows if row.matches.verdict != "yes"]
    problems = [problem for environment in unknown for problem in environment.problems]
    for spec, findings in zip(TOPOLOGY_CHECKS, (problems, broken, other), strict=True):
        warning = spec.name == "every_environment_matches_production"
        yield dg.AssetCheckResult(
            check_name=spec.name,
            asset_key=CONNECTION_TOPOLOGY,
            passed=not findings,
            severity=dg.AssetCheckSeverity.WARN if warning else dg.AssetCheckSeverity.ERROR,
            metadata={"findings": dg.MetadataValue.md(_listed(findings)), "count": len(findings)},
        )


def _issues(environment: EnvironmentReport) -> list:
    return [probe for probe in environment.probes if probe.status == "Issue"]


def _listed(findings: list[str]) -> str:
    return "\n".join(f"- {finding}" for finding in findings) or "none"


@dg.multi_asset(
    name="audited_write_paths",
    specs=[
        dg.AssetSpec(
            AUDITED_WRITE_PATHS,
            group_name="topology",
            kinds={"postgres"},
            description="The host's write paths (STG-02), exercised with a fresh correlation id and looked up in the "
            "audit tables. Paths that write are exercised only where the environment's settings say "
            "`allow_writes = true`.",
        )
    ],
    check_specs=PATH_CHECKS,
    pool=AUDIT_CHECKS,
)
def audited_write_paths(context: dg.AssetExecutionContext, operations: Operations) -> dg.MaterializeResult:
    """One run over every declared path."""
    with failures(), stop_requested() as should_stop:
        report = run_probes(
            operations.settings(),
            ProbeRequest(),
            run_id=_evidence_id(context, "write_path_probe"),
            should_stop=should_stop,
            echo=context.log.info,
        )
    statuses = [path.status for path in report.paths]
    metadata = {
        "paths": dg.MetadataValue.md(paths_markdown(report.paths)),
        **{f"paths_{name.lower().replace(' ', '_').replace('/', '')}": statuses.count(name) for name in _STATUSES},
        "seconds": report.seconds,
        "evidence": dg.MetadataValue.path(str(report.evidence)),
        "log": dg.MetadataValue.path(str(report.log)),
    }
    return dg.MaterializeResult(metadata=metadata, check_results=[_path_result(report)])


_STATUSES = ("OK", "Issue", "Not run", "N/A")


def _path_result(report: ProbeReport) -> dg.AssetCheckResult:
    issues = [f"{path.name}: {path.notes}" for path in report.paths if path.status == "Issue"]
    exercised = sum(path.status == "OK" for path in report.paths)
    return dg.AssetCheckResult(
        check_name=PATH_CHECKS[0].name,
        asset_key=AUDITED_WRITE_PATHS,
        passed=not issues,
        metadata={"findings": dg.MetadataValue.md(_listed(issues)), "count": len(issues), "exercised": exercised},
    )
