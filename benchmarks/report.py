"""results.json for machines, docs/performance.md and a table in the README for people, from the same measurements."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, fields
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks.cases import Case
from benchmarks.effort import FULL
from benchmarks.ground import SERVER, Ground
from benchmarks.profile import Profile

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "performance.md"
#: Why a goal is missed, a section a case: what bounds it, and the profile that shows it.
BOUNDS = ROOT / "benchmarks" / "bounds.md"
PLOT = ROOT / "docs" / "images" / "performance.svg"
#: What a reader of a quick run's page must know first.
_QUICK = (
    "**A quick run.** At this size round trips and fixed costs are most of what is measured. The goals are\n"
    "meant for the full size, and what is said below of bounds and profiles speaks of it."
)
README = ROOT / "README.md"
#: Where the README says what was last measured, and which cases, in words of its readers.
_MEASURED = ("<!-- measured: written by make bench -->\n", "<!-- end of measured -->\n")
_HEADLINES = {
    "purge.vs_threadline": "purge at full speed: times faster than Threadline's own algorithm",
    "purge.vs_threadline_gentle": "purge by default, giving way to a writer: times faster than the same",
    "purge.vs_single_delete": "purge in batches, with its certificate: times as long as one giant DELETE",
    "export.vs_copy_2": "export to sorted Parquet: times as long as two raw COPYs to nowhere",
    "export.vs_pandas": "export: times faster than pandas",
    "export.peak_rss_mb": "memory of an export of any size",
    "archive.gated_purge": "purge that compares each row with its archive: times as long as the plain one",
    "run.overhead_s": "what a run in Dagster adds",
    "cli.start_ms": "`threadline-ops --help`",
}
_PACKAGES = ("threadline-ops", "psycopg", "pyarrow", "dagster", "pandas")
_PEERS = ("duckdb", "adbc-driver-postgresql", "connectorx", "polars")


def machine() -> dict[str, object]:
    """What this machine is, as far as figures depend on it."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "system": platform.platform(),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def versions(ground: Ground) -> dict[str, str]:
    """What was measured."""
    with psycopg.connect(ground.server.dsn()) as connection:
        row = connection.execute("select current_setting('server_version')").fetchone()
    assert row is not None
    used = {"python": platform.python_version(), "postgresql": row[0]} | {name: version(name) for name in _PACKAGES}
    return used | {name: version(name) for name in _PEERS if find_spec(name.replace("-", "_"))}


def write(
    about: dict[str, object],
    used: dict[str, str],
    scale: dict[str, int],
    results: Sequence[Case],
    profiles: Sequence[Profile],
) -> None:
    """Write what machines read, and what people read."""
    document = {
        "machine": about,
        "versions": used,
        "server": SERVER,
        "scale": scale,
        "results": [asdict(case) | {"repeats": case.repeats, "met": case.met} for case in results],
        "profiles": [asdict(profile) for profile in profiles],
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    _render(about, used, scale, results, profiles)


def _render(
    about: dict[str, object],
    used: dict[str, str],
    scale: dict[str, int],
    results: Sequence[Case],
    profiles: Sequence[Profile],
) -> None:
    PAGE.write_text(page(about, used, scale, results, profiles), encoding="utf-8")
    README.write_text(with_headlines(README.read_text(encoding="utf-8"), scale, results), encoding="utf-8")
    plot(results)


def with_headlines(readme: str, scale: dict[str, int], results: Sequence[Case]) -> str:
    """The README with these figures where it says what was last measured."""
    before, rest = readme.split(_MEASURED[0])
    _, after = rest.split(_MEASURED[1])
    known = {case.case: case for case in results}
    rows = [
        f"| {words} | {_value(known[name])} | {_goal(known[name])} |"
        for name, words in _HEADLINES.items()
        if name in known
    ]
    head = [f"| last measured, on {scale['changes']:,} changes | | goal |", "| --- | --- | --- |"]
    return before + _MEASURED[0] + "\n".join([*head, *rows, ""]) + _MEASURED[1] + after


def plot(results: Sequence[Case]) -> None:
    """Draw how far each case is from its goal; left of the line is better."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "performance"
    from matplotlib import pyplot

    shown = [(case, case.score) for case in reversed(results) if case.score]
    figure, axes = pyplot.subplots(figsize=(9, 0.28 * len(shown) + 1), layout="constrained")
    axes.barh(
        [case.case for case, _ in shown],
        [score for _, score in shown],
        color=["#2e7d32" if case.met else "#c62828" for case, _ in shown],
    )
    axes.axvline(1, color="black")
    axes.set_xscale("log")
    axes.set_xlabel("value over goal, inverted where higher is better; left of the line meets the goal")
    PLOT.parent.mkdir(exist_ok=True)
    figure.savefig(PLOT, metadata={"Date": None})


def page(
    about: dict[str, object],
    used: dict[str, str],
    scale: dict[str, int],
    results: Sequence[Case],
    profiles: Sequence[Profile],
) -> str:
    """The page, generated whole: a figure edited by hand would not survive the next run."""
    lines = [
        "# Performance",
        "",
        "Written by `make bench`; do not edit. Every peer and limit ran on the same machine in the same run, in",
        "turn with ours, each trial on a fresh copy of one generated database. Read the ratios; seconds move with",
        "the machine. A ratio is the median of the ratios of single rounds, in which both sides ran within seconds or",
        "minutes of each other, so it is not quite the quotient of the medians beside it; where a note says that the",
        "sides were not measured in the same rounds, it is that quotient.",
        "",
        f"- Machine: {about['cpu']}, {about['cores']} cores, {about['memory_gib']} GiB, load {about['load_at_start']} "
        "before the run",
        f"- Versions: {', '.join(f'{name} {number}' for name, number in used.items())}",
        f"- Scale: {', '.join(f'{value:,} {name}' for name, value in scale.items())}",
        f"- Server: {', '.join(f'{name} = {value}' for name, value in SERVER.items())}",
        "- Repeat: `make bench` (full) or `make bench-quick`; how formulations of continuity compare:",
        "  [performance-continuity.md](performance-continuity.md)",
        "",
        *(() if scale["transactions"] >= FULL.transactions else (_QUICK, "")),
        "![Each case against its goal](images/performance.svg)",
        "",
        "| case | value | goal | met | ours: median (min to max) | theirs: median (min to max) | repeats | note |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    missed = [case for case in results if case.met is False]
    return "\n".join([*lines, *(_row(case) for case in results), "", *_profiled(profiles), *_explained(missed)])


def _profiled(profiles: Sequence[Profile]) -> list[str]:
    """Where the time goes, measured in the same run."""
    if not profiles:
        return []
    about = "One trial each, in seconds: CPU of the server's processes and of ours, and what we waited for by SQL file."
    return ["## Where the time goes", "", about, "", *(line for each in profiles for line in each.lines()), ""]


def _explained(missed: Sequence[Case]) -> list[str]:
    """What bounds each goal that was missed, written by people after each change of the figures."""
    if not missed:
        return []
    sections = dict(re.findall(r"^## `(.+?)`\n+(.*?)\n*(?=^## |\Z)", BOUNDS.read_text(), re.MULTILINE | re.DOTALL))
    lines = ["## Goals that are missed, and what bounds them", ""]
    for case in missed:
        why = sections.get(case.case, "Not looked into yet.")
        lines += [f"### `{case.case}`: {case.value:g} {case.unit}, goal {case.goal:g}", "", why, ""]
    return lines


def measured() -> tuple[dict[str, Any], list[Case]]:
    """What results.json holds, and its cases."""
    document = json.loads(RESULTS.read_text(encoding="utf-8"))
    names = {field.name for field in fields(Case)}
    cases = [{key: value for key, value in case.items() if key in names} for case in document["results"]]
    return document, [Case(**case) for case in cases]


def again() -> None:
    """Render what people read from results.json: after `bounds.md` changed, without measuring."""
    document, results = measured()
    profiles = [Profile(**profile) for profile in document.get("profiles", [])]
    _render(document["machine"], document["versions"], document["scale"], results, profiles)


def _row(case: Case) -> str:
    met = {True: "yes", False: "**no**", None: "-"}[case.met]
    cells = [
        f"`{case.case}`", _value(case), _goal(case), met,
        _spread(case.ours), _spread(case.theirs), str(case.repeats), case.note,
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _value(case: Case) -> str:
    return "not measured" if case.value is None else f"{case.value:,g} {case.unit}"


def _goal(case: Case) -> str:
    return f"{'>=' if case.better == 'higher' else '<='} {case.goal:g} {case.unit}"


def _spread(values: list[float]) -> str:
    return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g})" if values else "-"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


if __name__ == "__main__":
    again()
