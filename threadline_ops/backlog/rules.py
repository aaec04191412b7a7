"""What `backlog check` holds the rendered document to (STG-03), beyond what computing it rules out."""

from __future__ import annotations

from threadline_ops.backlog.catalogue import SECTIONS
from threadline_ops.backlog.markdown import TOPOLOGY_MARKER, marker_of, shown_status
from threadline_ops.backlog.status import Backlog
from threadline_ops.backlog.tables import parse

_SHORTEST_PARAGRAPH = 40


def violations(backlog: Backlog, document: str | None) -> list[str]:
    """Every rule that the backlog or its document breaks, each a sentence.

    Args:
        backlog: as computed now.
        document: the Markdown as it lies on disk, if there is one.
    """
    found = list(backlog.problems)
    if document is not None:
        found += _typed(backlog, document) + _environments(backlog, document)
    return found


def _typed(backlog: Backlog, document: str) -> list[str]:
    """Nobody can type OK: a status in the document that evidence does not give is a violation."""
    found: list[str] = []
    computed = {row.row.key: row for row in backlog.rows}
    for section in SECTIONS:
        for cells in parse(document, marker_of(section)) or ():
            row, status = computed.get(cells.get("Key", "")), cells.get("Status", "")
            if row is None or not status.startswith(("OK", "N/A")):
                continue
            expired = cells.get("Expires", "") and cells["Expires"] <= f"{backlog.as_of:%Y-%m-%d}"
            if status != shown_status(row) and not (expired and row.status == "Not run"):
                found.append(f"{row.row.key}: the document says {status}, the evidence {row.status}; render it again")
    return found


def _environments(backlog: Backlog, document: str) -> list[str]:
    found: list[str] = []
    for cells in parse(document, TOPOLOGY_MARKER) or ():
        name, matches = cells.get("Environment", ""), cells.get("Matches prod", "").lower()
        if matches not in ("", "yes", "no", "partial"):
            found.append(f"environment {name}: Matches prod is {matches!r}; it is yes, no or partial")
        # A run that found the difference has said it in its own sentence, which the row above shows.
        said = ("topology.matches_production", name) in backlog.facts
        if matches == "partial" and not said and not _described(document, name):
            found.append(f"environment {name} matches prod partially, and no paragraph says what differs")
        if cells.get("Class", "") not in ("CI", "host"):
            found.append(f"environment {name}: Class is {cells.get('Class', '')!r}; it is CI or host")
    return found


def _described(document: str, environment: str) -> bool:
    after = document.split(TOPOLOGY_MARKER, 1)[-1]
    section = after.split("\n#", 1)[0]
    paragraphs = [part for part in section.split("\n\n") if not part.strip().startswith(("|", "<!--", "-->"))]
    return any(environment in part and len(part.strip()) >= _SHORTEST_PARAGRAPH for part in paragraphs)
