"""`backlog render|check|issue`: the adoption pilot backlog, as the runs prove it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from threadline_ops.cli.console import Json, out, print_json, warn

backlog = typer.Typer(
    help="The adoption pilot backlog: render it from evidence, check its rules, print or file one issue.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(backlog, name="backlog")


@backlog.command()
def render(
    preflight: Annotated[
        bool, typer.Option("--preflight/--no-preflight", help="First look at what only this host can show.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Render backlog.md, backlog.json and backlog.html from the evidence; what people wrote in backlog.md stays."""
    from threadline_ops import settings as configuration
    from threadline_ops.backlog import render_backlog
    from threadline_ops.backlog.run import data

    settings = configuration.load()
    if preflight:
        from threadline_ops.preflight import run_preflight

        run_preflight(settings)
    done = render_backlog(settings, datetime.now(UTC))
    if as_json:
        places = {"markdown": done.markdown, "json": done.json, "html": done.html}
        print_json(data(done.backlog, done.violations) | {"written": places})
        return
    _print_counts(done.backlog.counts())
    for issue in done.backlog.issues:
        out.print(f"{issue.severity}  {issue.id}: {issue.symptom}", markup=False)
    for violation in done.violations:
        warn(violation)
    for path in (done.markdown, done.json, done.html):
        out.print(str(path), markup=False)


@backlog.command()
def check(as_json: Json = False) -> None:
    """Hold evidence, settings and the rendered document against the rules.

    Exit status 1: a rule is broken, or a P0 is open.
    """
    from threadline_ops import settings as configuration
    from threadline_ops.backlog import check_backlog

    found = check_backlog(configuration.load(), datetime.now(UTC))
    if as_json:
        p0 = [{"id": issue.id, "symptom": issue.symptom, "row": issue.row} for issue in found.p0]
        print_json({"passed": found.passed, "violations": found.violations, "p0": p0, "counts": found.counts})
    else:
        _print_counts(found.counts)
        for issue in found.p0:
            out.print(f"P0  {issue.id}: {issue.symptom}", style="red", markup=False)
        for violation in found.violations:
            out.print(f"rule broken: {violation}", style="red", markup=False)
    if not found.passed:
        raise typer.Exit(1)


@backlog.command()
def issue(
    reference: Annotated[str, typer.Argument(metavar="ID", help="Such as AP-RETENTION.1; see `backlog render`.")],
    github: Annotated[
        str | None,
        typer.Option(metavar="OWNER/REPO", help="File it there with THREADLINE_OPS_GITHUB_TOKEN, unless it is open."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print an issue as Markdown, ready to be filed, or file it at GitHub."""
    from threadline_ops import settings as configuration
    from threadline_ops.backlog import load
    from threadline_ops.backlog.report import find_issue, report, title

    settings = configuration.load()
    loaded = load(settings, datetime.now(UTC))
    found = find_issue(loaded, reference)
    text = report(loaded, found)
    if github is None:
        if as_json:
            print_json({"id": found.id, "title": title(found), "markdown": text})
        else:
            typer.echo(f"# {title(found)}\n\n{text}", nl=False)
        return
    from threadline_ops.backlog.github import file_issue

    filed = file_issue(settings, _repository(github), title(found), text)
    if as_json:
        print_json(filed)
    else:
        out.print(f"{'filed' if filed.new else 'already open'}: {filed.url}", markup=False)


def _repository(text: str) -> str:
    import re

    from threadline_ops.errors import BacklogError

    if not re.fullmatch(r"[\w.-]+/[\w.-]+", text):
        raise BacklogError("this is no repository", got=text, fix="write it as owner/name")
    return text


def _print_counts(counts: dict[str, int]) -> None:
    out.print(", ".join(f"{number} {status}" for status, number in counts.items()), markup=False)
