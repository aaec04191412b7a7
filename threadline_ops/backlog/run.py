"""Rendering and checking the backlog, the same from the command line and from Dagster."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from threadline_ops.backlog.history import History, Issue
from threadline_ops.backlog.markdown import render
from threadline_ops.backlog.page import page
from threadline_ops.backlog.rules import violations
from threadline_ops.backlog.status import Backlog, compute
from threadline_ops.errors import BacklogError
from threadline_ops.evidence import records, store_of
from threadline_ops.settings import Settings


@dataclass(frozen=True)
class Rendered:
    """What rendering wrote.

    Attributes:
        backlog: as computed.
        violations: rules that it or its document breaks.
    """

    backlog: Backlog
    markdown: Path
    json: Path
    html: Path
    violations: tuple[str, ...]


def load(settings: Settings, now: datetime) -> Backlog:
    """Compute the backlog from the evidence store.

    Args:
        settings: the store, validity, scope and owners.
        now: the moment for which expiry is computed, aware.

    Raises:
        EvidenceError: a record cannot be read.
    """
    history = History(settings.environment, timedelta(days=settings.backlog.valid_days))
    history.read(records(store_of(settings)))
    return compute(history, settings, now)


def render_backlog(settings: Settings, now: datetime) -> Rendered:
    """Write backlog.md, backlog.json and backlog.html; of the first, what people wrote is kept.

    Raises:
        BacklogError: the directory cannot be written.
        EvidenceError: a record cannot be read.
    """
    backlog = load(settings, now)
    directory = settings.backlog.directory
    markdown = directory / "backlog.md"
    text = render(backlog, _existing(markdown))
    broken = tuple(violations(backlog, text))
    document = json.dumps(data(backlog, broken), indent=2, ensure_ascii=False) + "\n"
    contents = {
        markdown: text,
        directory / "backlog.json": document,
        directory / "backlog.html": page(backlog, broken),
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            _write(path, content)
    except OSError as error:
        raise BacklogError(
            f"the backlog cannot be written: {error.strerror}",
            got=str(directory),
            fix="correct backlog.directory or its permissions",
        ) from None
    return Rendered(backlog, *contents, violations=broken)


@dataclass(frozen=True)
class Checked:
    """What check found: `passed` unless a rule is broken or a P0 is open."""

    violations: tuple[str, ...]
    p0: tuple[Issue, ...]
    counts: dict[str, int]

    @property
    def passed(self) -> bool:
        """No rule is broken and no P0 is open."""
        return not (self.violations or self.p0)


def check_backlog(settings: Settings, now: datetime) -> Checked:
    """Compare evidence, settings and the rendered document with the rules.

    Raises:
        EvidenceError: a record cannot be read.
    """
    backlog = load(settings, now)
    broken = tuple(violations(backlog, _existing(settings.backlog.directory / "backlog.md")))
    return Checked(broken, tuple(issue for issue in backlog.issues if issue.severity == "P0"), backlog.counts())


def data(backlog: Backlog, broken: tuple[str, ...]) -> dict[str, Any]:
    """The backlog as JSON data."""
    return {
        "environment": backlog.environment,
        "class": backlog.environment_class,
        "as_of": backlog.as_of.isoformat(),
        "counts": backlog.counts(),
        "rows": [row.data() for row in backlog.rows],
        "issues": [issue_data(backlog, issue) for issue in (*backlog.issues, *backlog.closed)],
        "violations": list(broken),
    }


def issue_data(backlog: Backlog, issue: Issue) -> dict[str, Any]:
    """An issue as JSON data."""
    return {
        "id": issue.id,
        "severity": issue.severity,
        "symptom": issue.symptom,
        "area": issue.area,
        "owner": backlog.owner(issue.area),
        "class": issue.environment_class,
        "row": issue.row,
        "rows": list(issue.rows),
        "opened": {"run_id": issue.opened.run_id, "at": issue.opened.ended.isoformat()},
        "latest": {"run_id": issue.latest.run_id, "at": issue.latest.ended.isoformat()},
        "closed": issue.closed and {"run_id": issue.closed.run_id, "at": issue.closed.ended.isoformat()},
    }


def _existing(path: Path) -> str | None:
    try:
        # Not read_text: it would turn the line ends that people chose into others.
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except ValueError:
        raise BacklogError(
            "the backlog's document is not UTF-8", got=str(path), fix="convert it, or move it away"
        ) from None


def _write(path: Path, content: str) -> None:
    """Replace a file so that readers see the old content or the new one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content.encode())
            os.fchmod(stream.fileno(), 0o644)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
