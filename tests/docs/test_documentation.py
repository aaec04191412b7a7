"""Whatever a user can name is documented, and what the documentation shows is understood."""

import re
import tomllib
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from jobs.definitions import defs
from tests.docs.examples import PAGES, ROOT, Example, blocks, commands, words
from threadline_ops.alerts import SOURCES
from threadline_ops.cli import app

TEXT = "\n".join(page.read_text() for page in PAGES)
RUNBOOKS = ROOT / "docs/runbooks"
COMMAND = typer.main.get_command(app)


def every_command(command: TyperCommand | TyperGroup, path: tuple[str, ...] = ()) -> list[str]:
    if isinstance(command, TyperGroup):
        return [name for key, inner in command.commands.items() for name in every_command(inner, (*path, key))]
    return [" ".join(path)]


def parse(command: TyperCommand | TyperGroup, arguments: list[str], parent: Any = None) -> None:
    """Read a command line as the command would, and run nothing."""
    context = command.make_context(command.name or "threadline-ops", arguments, parent=parent)
    if isinstance(command, TyperGroup):
        rest = [*context._protected_args, *context.args]
        _, inner, left = command.resolve_command(context, rest)
        assert inner is not None
        parse(inner, left, context)


def test_every_command_is_shown():
    shown = [one.text for one in commands()] + re.findall(r"`((?:[a-z-]+ ?)+)", TEXT)
    for name in every_command(COMMAND):
        known = any(text.startswith((f"threadline-ops {name}", name)) for text in shown)
        assert known, f"no page shows threadline-ops {name}"


@pytest.mark.parametrize("example", commands(), ids=str)
def test_every_example_command_is_understood(example: Example):
    arguments = words(example.text)
    if not {"--help", "-h", "--version"} & set(arguments):
        complaint = misunderstood(arguments)
        # In running text a command may stand for itself, without its arguments.
        assert complaint is None or (example.prose and complaint in ("MissingParameter", "NoArgsIsHelpError")), (
            complaint
        )


def misunderstood(arguments: list[str]) -> str | None:
    """The kind of complaint that the command line has about these arguments, if any."""
    try:
        parse(COMMAND, arguments)
    except TyperException as error:
        return type(error).__name__
    return None


def test_a_wrong_example_would_be_noticed():
    assert misunderstood(["purge", "--execute", "--batch-size", "200"]) is None
    assert misunderstood(["purge", "--exeute"]) == "NoSuchOption"
    assert misunderstood(["purg"]) == "UsageError"
    assert misunderstood(["purge", "--batch-size", "many"]) == "BadParameter"


def names() -> dict[str, set[str]]:
    repository = defs.get_repository_def()
    checks: set[str] = set()
    for definition in repository.assets_defs_by_key.values():
        checks |= {spec.name for spec in definition.check_specs}
    for definition in repository.asset_checks_defs_by_key.values():
        checks |= {spec.name for spec in definition.check_specs}
    return {
        "job": {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")},
        "sensor": {sensor.name for sensor in repository.sensor_defs},
        "schedule": {schedule.name for schedule in repository.schedule_defs},
        "check": checks,
    }


@pytest.mark.parametrize("kind", ["job", "sensor", "schedule", "check"])
def test_everything_that_dagster_shows_is_documented(kind: str):
    found = names()[kind]
    assert found
    for name in sorted(found):
        assert name in TEXT, f"no page names the {kind} {name}"


@pytest.mark.parametrize("kind", ["job", "check"])
def test_every_job_and_check_has_a_runbook(kind: str):
    for name in sorted(names()[kind]):
        assert (RUNBOOKS / f"{name.replace('_', '-')}.md").exists(), name


def test_every_alert_links_to_a_runbook():
    sources = (ROOT / "threadline_ops/alerts").glob("*.py")
    linked = set(re.findall(r"runbooks/([a-z-]+)\.md", "".join(path.read_text() for path in sources)))
    assert linked >= {"alerts-are-blind", "a-purge-was-capped"}
    assert all((RUNBOOKS / f"{name}.md").exists() for name in linked | {"a-run-failed", "a-backlog-row-is-an-issue"})
    assert set(SOURCES) == {"issue", "capped", "overdue"}, "document a new source in docs/alerts.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http", "mailto:", "data:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_python_blocks_compile():
    for example in blocks("python", "py"):
        if example.text.rstrip().endswith("..."):
            continue  # a signature
        compile(re.sub(r"^>>> ", "", example.text, flags=re.MULTILINE), example.page, "exec")


def test_toml_blocks_parse():
    for example in blocks("toml"):
        assert tomllib.loads(example.text), example


def test_sql_blocks_are_sql(database: str):
    """PL/pgSQL reads the syntax of every statement in a function's body when the function is made."""
    with psycopg.connect(database, autocommit=True) as connection:
        for example in blocks("sql"):
            body = example.text.strip().rstrip(";") + ";"
            connection.execute("select set_config('check_function_bodies', 'on', false)")
            connection.execute(
                f"create or replace function pg_temp.example() returns void language plpgsql as $ex$begin {body}\nend$ex$"
            )
        with pytest.raises(psycopg.errors.SyntaxError):
            connection.execute(
                "create function pg_temp.wrong() returns void language plpgsql as $$begin grant x nowhere y; end$$"
            )
