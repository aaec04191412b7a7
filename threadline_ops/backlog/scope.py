"""When a row may be called N/A: with one line of reason that points to something written."""

from __future__ import annotations

import re

#: Something that a reader can open: a path with an ending, an address, a numbered section, a document's id.
_REFERENCE = re.compile(
    r"""(?x)
    https?://\S+
    | (?:[\w.-]+/)*[\w.-]+\.(?:md|rst|txt|pdf|html?|adoc|docx?|toml|ya?ml)\b(?:\#[\w.-]+)?
    | §\s*\d+(?:\.\d+)*
    | \b(?:section|chapter|clause|appendix)\s+[A-Z0-9]+(?:\.\d+)*\b
    | \b[A-Z]{2,}[A-Z0-9]*-\d+\b
    """,
)
_VAGUE = re.compile(
    r"(?i)\b(?:not needed|no need|not relevant|irrelevant|later|someday|tbd|todo|to do|don'?t care|we think|probably"
    r"|should be fine|same as above|see above|obvious|whatever|for now|not yet|no time|skip(?:ped)?)\b"
)
_FEWEST_WORDS = 4


def objection(justification: str) -> str | None:
    """Why a justification does not pass, or None if it does."""
    text = justification.strip()
    if not text:
        return "it is empty"
    if len(text.splitlines()) > 1:
        return "it has more than one line"
    if found := _VAGUE.search(text):
        return f"{found[0]!r} is no reason"
    if not _REFERENCE.search(text):
        return "it refers to nothing written: name a document, a section or an id, such as docs/scope.md or ADR-7"
    words = re.findall(r"[^\W\d_]{2,}", _REFERENCE.sub(" ", text))
    if len(words) < _FEWEST_WORDS:
        return f"it says too little beside its reference: fewer than {_FEWEST_WORDS} words"
    return None
