"""Every operation's page says at a glance what it does, when, by which command, in Dagster, its settings, what goes wrong."""

import re
import tomllib
from pathlib import Path

import pytest

from jobs.definitions import defs
from tests.docs.examples import ROOT

ROWS = ("What it does", "When to use it", "Command", "In Dagster", "Settings", "What can go wrong")


def operations() -> list[Path]:
    """The pages of the README's table of operations."""
    table = (ROOT / "README.md").read_text().partition("## What it does")[2].partition("\n## ")[0]
    return [ROOT / page for page in re.findall(r"\]\((docs/[a-z-]+\.md)\)", table)]


def glance(page: Path) -> dict[str, str]:
    table = page.read_text().partition("| at a glance | |\n| --- | --- |\n")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", table, re.MULTILINE))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_there_are_as_many_pages_as_operations():
    assert len(operations()) >= 13


@pytest.mark.parametrize("page", operations(), ids=lambda page: page.stem)
def test_a_page_answers_the_six_questions_first(page: Path):
    said = glance(page)
    assert tuple(said) == ROWS, "in this order, at the top"
    assert "\n## " not in page.read_text().partition("| at a glance |")[0]
    assert re.fullmatch(r"[A-Z].{20,}\.", said["What it does"])
    assert "`threadline-ops " in said["Command"]


@pytest.mark.parametrize("page", operations(), ids=lambda page: page.stem)
def test_what_a_page_names_exists(page: Path):
    said = glance(page)
    text = (ROOT / "threadline.toml").read_text()
    sections = set(tomllib.loads(text)) | set(re.findall(r"^# \[+([a-z_]+)", text, re.MULTILINE))
    named = set(re.findall(r"\[+([a-z_]+)\]+", said["Settings"]))
    assert named <= sections
    assert named or "THREADLINE_OPS_" in said["Settings"]
    assert set(re.findall(r"`([a-z_]+)`", said["In Dagster"])) <= in_dagster() | {"audited"}
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", said["What can go wrong"]):
        there = page.parent / target if target else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


def in_dagster() -> set[str]:
    repository = defs.get_repository_def()
    return {
        *(job.name for job in repository.get_all_jobs()),
        *(sensor.name for sensor in repository.sensor_defs),
        *(schedule.name for schedule in repository.schedule_defs),
        *(key.path[-1] for key in defs.resolve_asset_graph().get_all_asset_keys()),
    }
