"""Markdown tables: written, read back, and merged so that what people wrote stays.

Every table of ours follows a line with its marker, an HTML comment. Of such a table some columns are ours and
computed anew each time; the others, rows that only people know of, and all text outside belong to people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Cells = dict[str, str]


def drop(_: Cells) -> Cells | None:
    """For tables that are ours as a whole: a row that is not ours goes."""
    return None


def keep(cells: Cells) -> Cells | None:
    """For tables that people add rows to."""
    return cells


@dataclass(frozen=True)
class Table:
    """One table of the document.

    Attributes:
        marker: stands in a comment on the line before.
        heading: what the section is called where the document has none yet.
        key: the column by which rows are recognized.
        columns: in order.
        theirs: columns that people fill; ours are the rest.
        rows: our cells; a column that is missing in a row is left to people in this row.
        foreign: what becomes of a row that is not among ours; None drops it.
    """

    marker: str
    heading: str
    key: str
    columns: tuple[str, ...]
    rows: tuple[Cells, ...]
    theirs: frozenset[str] = frozenset()
    foreign: Callable[[Cells], Cells | None] = drop
    intro: str = ""

    @property
    def comment(self) -> str:
        """The marker as it stands in the document."""
        return f"<!-- {self.marker} -->"


@dataclass
class _Block:
    """Where a table stands: from its first line to the line after its last."""

    begin: int
    end: int
    header: list[str] = field(default_factory=list[str])
    rows: list[list[str]] = field(default_factory=list[list[str]])


def escape(text: str) -> str:
    """A text as a cell: one line, no bar that would end it, no tag that would hide it."""
    text = " ".join(text.split())
    for plain, written in (("&", "&amp;"), ("<", "&lt;"), ("\\", "&#92;"), ("|", "\\|")):
        text = text.replace(plain, written)
    return text


def unescape(cell: str) -> str:
    """What `escape` was given, but for runs of white space."""
    for plain, written in (("|", "\\|"), ("\\", "&#92;"), ("<", "&lt;"), ("&", "&amp;")):
        cell = cell.replace(written, plain)
    return cell


def parse(text: str, marker: str) -> list[Cells] | None:
    """The rows of a marked table with their cells unescaped, or None if the text has none."""
    block = _find(text.split("\n"), marker)
    if block is None:
        return None
    return [{name: unescape(cell) for name, cell in zip(block.header, cells, strict=False)} for cells in block.rows]


def merge(text: str, tables: Sequence[Table]) -> str:
    """Bring the tables of a document up to date, and add those that it lacks at its end."""
    lines = text.split("\n")
    for table in tables:
        block = _find(lines, table.marker)
        if block is None:
            lines = _append(lines, table)
            continue
        lines[block.begin : block.end] = _written(table, block)
    return "\n".join(lines)


def _append(lines: list[str], table: Table) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    gap = [""] if lines else []
    intro = [table.intro, ""] if table.intro else []
    return [*lines, *gap, f"## {table.heading}", "", *intro, table.comment, "", *_written(table, None), ""]


def _find(lines: Sequence[str], marker: str) -> _Block | None:
    comment = re.compile(rf"\s*<!--\s*{re.escape(marker)}\s*-->\s*")
    place = next((number for number, line in enumerate(lines) if comment.fullmatch(line)), None)
    if place is None:
        return None
    begin = place + 1
    while begin < len(lines) and not lines[begin].strip():
        begin += 1
    end = begin
    while end < len(lines) and lines[end].lstrip().startswith("|"):
        end += 1
    if end == begin:  # the table was removed, its marker was not
        return _Block(place + 1, place + 1)
    header, *body = (_cells(line) for line in lines[begin:end])
    return _Block(begin, end, header, body[1:])


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", inner)]
    return cells[:-1] if cells and not cells[-1] else cells


def _written(table: Table, old: _Block | None) -> list[str]:
    existing = [dict(zip(old.header, cells, strict=False)) for cells in old.rows] if old else []
    extra = [name for name in (old.header if old else []) if name and name not in table.columns]
    columns = [*table.columns, *extra]
    lines = [_line(columns), _line(["---"] * len(columns))]
    if old and not old.header:
        lines = ["", *lines]
    by_key = {unescape(cells.get(table.key, "")): cells for cells in reversed(existing)}
    for row in table.rows:
        theirs = by_key.get(" ".join(row[table.key].split()), {})
        cells = theirs | {name: escape(text) for name, text in row.items() if name not in table.theirs}
        lines.append(_line([cells.get(name, "") for name in columns]))
    ours = {" ".join(row[table.key].split()) for row in table.rows}
    for cells in existing:
        if unescape(cells.get(table.key, "")) not in ours and (kept := table.foreign(cells)) is not None:
            lines.append(_line([kept.get(name, "") for name in columns]))
    return lines


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
