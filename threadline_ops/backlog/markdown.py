"""The backlog as a Markdown document in the shape that pilots know, kept up to date in place."""

from __future__ import annotations

import re

from threadline_ops.backlog.catalogue import CHECKLIST, SECTIONS
from threadline_ops.backlog.history import Evidence, Issue
from threadline_ops.backlog.status import Backlog, RowStatus
from threadline_ops.backlog.tables import Cells, Table, keep, merge

#: Shared with the documents of other pilots, which are searched for these words.
TOPOLOGY_MARKER = "STG-HOST-TOPOLOGY-TEMPLATE"
PATHS_MARKER = "STG-AUDITED-PATH-RUBRIC"

ROW_COLUMNS = ("Key", "Row", "Status", "Class", "Evidence", "Expires", "Why", "Notes")
TOPOLOGY_COLUMNS = (
    "Environment", "Class", "Chain", "Pooler product", "Pool mode", "Pools", "Prepare policy", "Sandbox note",
    "Matches prod", "Evidence link",
)  # fmt: skip
PATH_COLUMNS = ("Path", "Kind", "Status", "Evidence", "Notes")
ISSUE_COLUMNS = ("P", "ID", "Symptom", "Likely area", "Owner", "Link")

_OUR_ISSUE = re.compile(r"AP-[A-Z0-9_-]+\.\d+")
_OPENING = """# Adoption pilot backlog

What the runs of this environment prove about its audited setup. The tables are computed: a status comes from a
run's evidence, expires with it, and is written anew whenever the backlog is rendered. Columns named Notes, rows of
environments that no run knows, and all text outside the tables are yours and stay.

Status rules (STG-03): OK has a command that repeats it; "OK, unproven" means that its check was not seen failing where
it must; Issue is a known gap, listed below with its owner; N/A is out of scope for a written reason; Not run is in
scope and not exercised. Evidence of class CI, made on made data, and of class host are told apart.
"""


def render(backlog: Backlog, existing: str | None) -> str:
    """The document brought up to date, or a new one."""
    return merge(existing if existing and existing.strip() else _OPENING, tables(backlog))


def tables(backlog: Backlog) -> list[Table]:
    """Every table of the document, in order."""
    made = [_summary(backlog)]
    for section in SECTIONS:
        made.append(_rows(backlog, section))
        if section == "topology":
            made.append(_topology(backlog))
        if section == "paths":
            made.append(_paths(backlog))
    return [*made, _issues(backlog), _closed(backlog)]


def shown_status(row: RowStatus) -> str:
    """The status as people read it."""
    return "OK, unproven" if row.unproven else row.status


def shown_class(environment_class: str | None) -> str:
    """The class as people read it."""
    return {"ci": "CI", None: ""}.get(environment_class, environment_class or "")


def marker_of(section: str) -> str:
    """The marker of a section's rows."""
    return f"backlog:{section}"


def _summary(backlog: Backlog) -> Table:
    counts = {status: str(number) for status, number in backlog.counts().items()}
    facts = {
        "Environment": backlog.environment,
        "Class": shown_class(backlog.environment_class),
        "As of": backlog.as_of.isoformat(timespec="seconds"),
        "Open P0": str(sum(issue.severity == "P0" for issue in backlog.issues)),
    }
    return Table("backlog:summary", "Summary", "Environment", (*facts, *counts), (facts | counts,))


def _rows(backlog: Backlog, section: str) -> Table:
    rows = tuple(
        {
            "Key": status.row.key,
            "Row": status.row.title,
            "Status": shown_status(status),
            "Class": shown_class(status.environment_class),
            "Evidence": status.pointer or "",
            "Expires": f"{status.expires_at:%Y-%m-%d}" if status.expires_at else "",
            "Why": status.note,
        }
        for status in backlog.rows
        if status.row.section == section
    )
    heading = f"Checklist {SECTIONS[section]}" if section in CHECKLIST else SECTIONS[section]
    return Table(marker_of(section), heading, "Key", ROW_COLUMNS, rows, theirs=frozenset({"Notes"}))


def _topology(backlog: Backlog) -> Table:
    """Cells that a run established are ours; the others of its row are people's, and so are other rows."""
    rows: dict[str, Cells] = {}
    for (key, place), (facts, evidence) in backlog.facts.items():
        if key.startswith("topology."):
            known = {name: text for name, text in facts.items() if name in TOPOLOGY_COLUMNS}
            own = {
                "Environment": place,
                "Class": evidence.record.environment_class,
                "Evidence link": f"{evidence.record.command} (run {evidence.record.run_id})",
            }
            row = own | known
            rows.setdefault(place, {}).update(row | {"Class": shown_class(row["Class"])})
    return Table(
        marker=TOPOLOGY_MARKER,
        heading="Environments",
        key="Environment",
        columns=TOPOLOGY_COLUMNS,
        rows=tuple(rows.values()),
        foreign=keep,
        intro="Matches prod is yes, no or partial; for a partial one, write a paragraph below that names the "
        "environment and says what differs.",
    )


def _paths(backlog: Backlog) -> Table:
    rows: list[Cells] = []
    for (key, place), (facts, evidence) in sorted(backlog.facts.items()):
        if key.startswith("paths."):
            record = evidence.record
            rows.append(
                {
                    "Path": place,
                    "Kind": facts.get("Kind", "job" if "job" in key else "HTTP"),
                    "Status": _path_status(backlog, evidence),
                    "Evidence": f"{record.command} (run {record.run_id}, {shown_class(record.environment_class)})",
                }
            )

    def unseen(cells: Cells) -> Cells:
        """A path that people listed and no run has exercised: it stays, and is Not run."""
        return cells | {"Evidence": "", "Status": "Not run"}

    return Table(
        marker=PATHS_MARKER,
        heading="Write paths",
        key="Path",
        columns=PATH_COLUMNS,
        theirs=frozenset({"Notes"}),
        rows=tuple(rows),
        foreign=unseen,
    )


def _path_status(backlog: Backlog, evidence: Evidence) -> str:
    if not evidence.ok:
        return "Issue"
    if evidence.record.ended + backlog.validity <= backlog.as_of:
        return "Not run"
    return "OK" if evidence.proven else "OK, unproven"


def _issues(backlog: Backlog) -> Table:
    def theirs(cells: Cells) -> Cells | None:
        return None if _OUR_ISSUE.fullmatch(cells.get("ID", "")) else cells

    rows = tuple(_issue(backlog, issue) for issue in backlog.issues)
    return Table("backlog:issues", "Prioritised issues", "ID", ISSUE_COLUMNS, rows, foreign=theirs)


def _issue(backlog: Backlog, issue: Issue) -> Cells:
    return {
        "P": issue.severity,
        "ID": issue.id,
        "Symptom": f"{issue.symptom} ({shown_class(issue.environment_class)})",
        "Likely area": issue.area.lower(),
        "Owner": backlog.owner(issue.area),
        "Link": f"threadline-ops backlog issue {issue.id} (run {issue.latest.run_id})",
    }


def _closed(backlog: Backlog) -> Table:
    rows: list[Cells] = []
    for issue in backlog.closed:
        assert issue.closed is not None
        closed_by = f"{issue.closed.command} (run {issue.closed.run_id}, {issue.closed.ended:%Y-%m-%d})"
        rows.append({"ID": issue.id, "Symptom": issue.symptom, "Closed by": closed_by})
    return Table("backlog:closed", "Closed issues", "ID", ("ID", "Symptom", "Closed by"), tuple(rows))
