"""Code in the documentation: blocks by their language, and commands wherever they stand."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SHELL = ("", "sh", "bash", "shell", "console")


@dataclass(frozen=True)
class Example:
    """A piece of code and where it stands."""

    page: str
    text: str
    prose: bool = False

    def __str__(self) -> str:
        return f"{self.page}: {self.text[:60]}"


def blocks(*languages: str) -> list[Example]:
    return [
        Example(str(page.relative_to(ROOT)), text)
        for page in PAGES
        for language, text in _BLOCK.findall(page.read_text())
        if language in languages
    ]


def commands() -> list[Example]:
    """Every `threadline-ops ...` of a block or of the running text that is not cut short by an ellipsis."""
    found = [
        Example(block.page, line.strip().removeprefix("$ "))
        for block in blocks(*_SHELL)
        for line in block.text.replace("\\\n", " ").splitlines()
    ]
    for page in PAGES:
        prose = _BLOCK.sub("", page.read_text())
        found += [
            Example(str(page.relative_to(ROOT)), text, prose=True)
            for text in re.findall(r"`(threadline-ops [^`]+)`", prose)
        ]
    return [
        one for one in found if one.text.startswith("threadline-ops ") and "..." not in one.text and "…" not in one.text
    ]


def words(command: str) -> list[str]:
    """The arguments as a shell would pass them, without comments and what comes after a pipe."""
    split = shlex.split(command.replace("\n", " "), comments=True)
    for stop in ("|", ">", "&&", ";"):
        split = split[: split.index(stop)] if stop in split else split
    return split[1:]
