"""What a run says about rows of the adoption backlog: claims with their negative controls, and findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from threadline_ops.errors import OpsError

Severity = Literal["P0", "P1", "P2"]


@dataclass(frozen=True)
class Control:
    """A negative control: the check was run where it must fail.

    Attributes:
        name: what was broken, such as "a window of zero days".
        failed: the check noticed. Where it did not, an OK proves nothing.
    """

    name: str
    failed: bool


@dataclass(frozen=True)
class Claim:
    """What the run found out about one row.

    Attributes:
        row: key in the backlog's catalogue, `section.item`.
        ok: the row holds.
        detail: one sentence for people; never a captured value.
        control: its negative control; without one an OK is shown as unproven.
        facts: cells that the row's own table shows, by column (STG-01 and STG-02).
        after: the claim holds only if an OK run of this operation in this mode, on the same subject, came before.
    """

    row: str
    ok: bool
    detail: str
    control: Control | None = None
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    after: str | None = None

    def record(self) -> dict[str, Any]:
        """The claim as its record holds it."""
        control = self.control and {"name": self.control.name, "failed": self.control.failed}
        return {
            "row": self.row,
            "status": "OK" if self.ok else "Issue",
            "detail": self.detail,
            "control": control,
            "facts": dict(self.facts),
            "after": self.after,
        }


@dataclass(frozen=True)
class Finding:
    """A problem that no row names, such as one table that is not captured.

    Attributes:
        area: part of the system, in capitals: it starts the issue's id (AP-COVERAGE.1).
        code: tells this symptom from others of its area, the same in every run that sees it.
        symptom: one sentence for people; never a captured value.
        severity: P0 wrong or missing audit data or security, P1 friction, P2 lesser.
        scope: what was looked through; the next run that looks through it and does not see the symptom closes it.
            None takes the operation in its mode.
        rows: keys of the backlog rows that it contradicts; these then open no second entry beside it.
    """

    area: str
    code: str
    symptom: str
    severity: Severity = "P1"
    scope: str | None = None
    rows: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """The finding as its record holds it."""
        return asdict(self) | {"rows": list(self.rows)}


def control(name: str, check: Callable[[], object]) -> Control:
    """Run a check where it must fail: it has to refuse with an OpsError, or to return false.

    Args:
        name: what was broken for it.
        check: the real check, on the broken copy.
    """
    try:
        return Control(name, failed=check() is False)
    except OpsError:
        return Control(name, failed=True)
