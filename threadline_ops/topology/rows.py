"""STG-01's row for an environment, and whether the environment matches production."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from threadline_ops.topology.detect import Facts
from threadline_ops.topology.targets import Target

#: The template's columns, in its order.
HEADINGS = (
    "Environment",
    "Class",
    "Chain",
    "Pooler product",
    "Pool mode",
    "Pools",
    "Prepare policy",
    "Sandbox note",
    "Matches prod",
    "Evidence link",
)

#: What the suite and Threadline's own host guidance do everywhere: nothing is prepared on the server.
_OURS = "never prepared by the suite"


@dataclass(frozen=True)
class Matches:
    """How an environment compares with production.

    Attributes:
        verdict: "no" where writes meet another pool mode, or production is not known.
        paragraph: what differs, in sentences made from the facts; empty for a yes.
    """

    verdict: Literal["yes", "no", "partial"]
    paragraph: str = ""


@dataclass(frozen=True)
class Row:
    """One environment in the columns of STG-HOST-TOPOLOGY-TEMPLATE."""

    environment: str
    environment_class: str
    chain: str
    pooler_product: str
    pool_mode: str
    pools: str
    prepare_policy: str
    sandbox_note: str
    matches: Matches
    evidence: str

    def cells(self) -> dict[str, str]:
        """The row by the template's column names."""
        values = (
            self.environment,
            self.environment_class,
            self.chain,
            self.pooler_product,
            self.pool_mode,
            self.pools,
            self.prepare_policy,
            self.sandbox_note,
            self.matches.verdict,
            self.evidence,
        )
        return dict(zip(HEADINGS, values, strict=True))


def row(target: Target, facts: Facts | None, matches: Matches, evidence: str) -> Row:
    """The row of an environment; what is not known is said to be so."""
    declared = target.declared
    if facts is None:
        middle = declared.pooler or "not established"
        chain = f"{declared.application} -> {middle} -> PostgreSQL"
        unknown = "not established"
        return Row(
            target.name, target.environment_class, chain, middle, unknown, unknown, unknown, declared.sandbox_note,
            matches, evidence,
        )  # fmt: skip
    links = [declared.application, *([facts.product] if facts.pooled else []), f"PostgreSQL {_number(facts)}"]
    return Row(
        target.name,
        target.environment_class,
        " -> ".join(links),
        facts.product,
        facts.mode.value,
        _pools(facts),
        _prepare_policy(facts),
        declared.sandbox_note,
        matches,
        evidence,
    )


def compare(name: str, facts: Facts | None, production: tuple[str, Facts] | None, *, is_production: bool) -> Matches:
    """Compare an environment's facts with production's.

    Args:
        name: the environment.
        facts: its own; None where they could not be established.
        production: production's name and facts, measured or recorded.
        is_production: it is production itself.
    """
    if facts is None:
        return Matches("no", f"{name}: its chain could not be established.")
    if is_production:
        return Matches("yes")
    if production is None:
        return Matches("no", f"{name}: production's facts are not recorded, so nothing can be compared with them.")
    where, other = production
    differences = [
        f"{label} is {mine} here and {theirs} in {where}"
        for label, mine, theirs in zip(_LABELS, _compared(facts), _compared(other), strict=True)
        if mine != theirs
    ]
    if facts.system_identifier and facts.system_identifier == other.system_identifier:
        differences.append(f"this is {where}'s own cluster, so nothing here is a sandbox")
    if not differences:
        return Matches("yes")
    verdict = "no" if facts.mode is not other.mode else "partial"
    return Matches(verdict, f"{name}: {'; '.join(differences)}.")


_LABELS = (
    "pool mode",
    "the pooler",
    "the pool's size",
    "the pooler's limit of prepared statements",
    "PostgreSQL",
    "encryption",
)


def _compared(facts: Facts) -> tuple[str, ...]:
    return (
        facts.mode.value,
        facts.product,
        "not known" if facts.pool_size is None else str(facts.pool_size),
        "not known" if facts.max_prepared_statements is None else str(facts.max_prepared_statements),
        _number(facts),
        "on" if facts.tls else "off",
    )


def markdown(rows: Sequence[Row]) -> str:
    """The table of all environments, with the paragraphs that partial and differing ones owe."""
    lines = [_line(HEADINGS), _line("---" for _ in HEADINGS)]
    lines += [_line(row.cells().values()) for row in rows]
    paragraphs = [row.matches.paragraph for row in rows if row.matches.paragraph]
    return "\n".join(lines) + "\n" + "".join(f"\n{_escaped(text)}\n" for text in paragraphs)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _number(facts: Facts) -> str:
    """Debian and others add their own package's version after a space."""
    return facts.server_version.split()[0]


def _pools(facts: Facts) -> str:
    if not facts.pooled:
        return "none"
    return "not told" if facts.pool_size is None else f"{facts.pool_size} for each database and user"


def _prepare_policy(facts: Facts) -> str:
    if not facts.pooled:
        return _OURS
    match facts.max_prepared_statements:
        case None:
            return f"{_OURS}; the pooler tells of none"
        case 0:
            return f"{_OURS}; off in the pooler"
        case limit:
            return f"{_OURS}; the pooler keeps up to {limit}"
