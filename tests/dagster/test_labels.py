"""What the UI says of every definition: a sentence, its runbook, its owner; and how long and where its runs may go."""

import re
from pathlib import Path
from typing import Any

import dagster as dg

from assets.labels import labelled
from assets.pools import AUDIT_CHECKS, AUDIT_DATABASE, AUDIT_PURGE, DAGSTER_STORAGE
from jobs.definitions import build, defs
from threadline_ops.scheduled import DashboardSettings, ScheduleSettings
from threadline_ops.settings import Settings

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(
    dashboard=DashboardSettings(owner="team:data", runbooks="https://wiki.example.com/run"),
    schedules=ScheduleSettings(retention_purge="15 2 * * *"),
)


def described(definitions: dg.Definitions) -> dict[str, str]:
    """Everything that has a page of its own, with what the page says."""
    repository = definitions.get_repository_def()
    graph = definitions.resolve_asset_graph()
    said: dict[str, Any] = {
        f"asset {key.to_user_string()}": graph.get(key).description for key in graph.get_all_asset_keys()
    }
    said |= {
        f"check {key.name} of {key.asset_key}": graph.get_check_spec(key).description for key in graph.asset_check_keys
    }
    said |= {f"job {job.name}": job.description for job in jobs()}
    said |= {f"sensor {sensor.name}": sensor.description for sensor in repository.sensor_defs}
    said |= {f"schedule {schedule.name}": schedule.description for schedule in repository.schedule_defs}
    return {name: str(text or "") for name, text in said.items()}


def jobs() -> list[dg.JobDefinition]:
    return [job for job in defs.get_repository_def().get_all_jobs() if not job.name.startswith("__")]


def complaints(definitions: dg.Definitions) -> list[str]:
    """What says too little, and links to runbooks that do not exist."""
    found = []
    for name, text in described(definitions).items():
        sentence, _, rest = re.sub(" (?=Runbook: docs)", "\n\n", text).partition("\n\n")
        runbook = re.search(r"^Runbook: `?(docs/runbooks/[a-z0-9-]+\.md)`?$", rest, re.MULTILINE)
        if not re.fullmatch(r"[A-Z`].{15,}[^.\s]\.", sentence, re.DOTALL):
            found.append(f"{name} says {sentence!r}")
        if runbook is None or not (ROOT / runbook[1]).exists():
            found.append(f"{name} has no runbook")
    return found


def test_everything_reads_like_a_sentence_and_names_a_runbook_that_exists():
    assert {name.split()[0] for name in described(defs)} == {"asset", "check", "job", "sensor", "schedule"}
    assert complaints(defs) == []


def test_a_definition_without_its_labels_would_be_noticed():
    bare = dg.Definitions(assets=[dg.AssetSpec("bare")])
    assert complaints(bare) == ["asset bare says ''", "asset bare has no runbook"]
    elsewhere = dg.AssetSpec("x", description="Says what it is for.\n\nRunbook: `docs/runbooks/none.md`")
    assert complaints(dg.Definitions(assets=[elsewhere])) == ["asset x has no runbook"]


def test_owner_and_links_follow_the_settings():
    text = labelled("It purges.", "retention-purge", SETTINGS)
    link = "[retention-purge](https://wiki.example.com/run/retention-purge.md)"
    assert text == f"It purges.\n\nRunbook: {link}\n\nOwner: team:data"
    dressed = build(SETTINGS)
    graph = dressed.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.owners == ["team:data"], key
        assert "](https://wiki.example.com/run/" in str(node.description), key
        assert node.group_name != "default", key
        assert node.kinds, key
    for schedule in dressed.get_repository_def().schedule_defs:
        # Their pages show no Markdown.
        assert re.search(r" Runbook: https://wiki[^ ]+\.md, owner: team:data$", str(schedule.description))


def test_every_job_says_its_operation_and_how_long_it_may_take_and_only_readers_are_repeated():
    repeated = set()
    for job in jobs():
        assert job.tags["threadline/operation"]
        assert 0 < int(job.tags["dagster/max_runtime"]) <= 48 * 3600
        assert job.executor_def is dg.in_process_executor, f"a killed run of {job.name} would leave a child behind"
        if "dagster/max_retries" in job.tags:
            repeated.add(job.name)
            assert job.tags["dagster/retry_on_asset_or_op_failure"] == "false"
        assert not any(
            node.definition.retry_policy for node in job.graph.nodes if isinstance(node.definition, dg.OpDefinition)
        )
    assert repeated == {"coverage_check", "backlog_render", "health_check"}


def test_every_job_queues_in_a_pool_of_its_database_and_purges_in_one_of_their_own():
    pools = {job.name: {str(getattr(node.definition, "pool", None)) for node in job.graph.nodes} for job in jobs()}
    assert {name for name, found in pools.items() if AUDIT_PURGE in found} == {"retention_purge", "archive_then_purge"}
    assert pools.pop("dagster_maintenance") == {DAGSTER_STORAGE}
    # They read the evidence store and a few figures, beside whatever runs.
    assert pools.pop("health_check") == pools.pop("backlog_render") == {"None"}
    for name, found in pools.items():
        assert len(found) == 1, name
        assert found <= {AUDIT_PURGE, AUDIT_DATABASE, AUDIT_CHECKS}, name
    assert {AUDIT_PURGE, AUDIT_DATABASE, AUDIT_CHECKS} == {
        f"audit_{kind}_{Settings().environment}" for kind in ("purge", "database", "checks")
    }
