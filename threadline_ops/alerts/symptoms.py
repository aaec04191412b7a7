"""What an alert is about, and where symptoms come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from threadline_ops.errors import OpsError
from threadline_ops.evidence import Severity
from threadline_ops.settings import Settings


@dataclass(frozen=True)
class Symptom:
    """Something wrong that lasts until it is mended.

    Attributes:
        id: the same every time this symptom is seen, `<source>:<what>`; what comes before the colon names its source.
        severity: P0 wrong or missing audit data or security, P1 friction, P2 lesser.
        title: one line for people.
        detail: what was seen; never a captured value.
        link: the runbook, as a path below docs/.
    """

    id: str
    severity: Severity
    title: str
    detail: str
    link: str = ""


#: Looks once, at `now`. It may raise an OpsError: what it told of before then counts as lasting.
Source = Callable[[Settings, datetime], Iterable[Symptom]]


@dataclass(frozen=True)
class Collected:
    """What all sources see.

    Attributes:
        symptoms: by id, the most severe first.
        blind: names of sources that could not look.
    """

    symptoms: dict[str, Symptom]
    blind: frozenset[str] = frozenset()


def collect(settings: Settings, sources: dict[str, Source], *, now: datetime) -> Collected:
    """Ask every source; one that fails is a symptom itself.

    Args:
        settings: of the environment.
        sources: by the name that their symptoms' ids begin with.
        now: the moment to look at, aware.
    """
    found: list[Symptom] = []
    blind: set[str] = set()
    for name, source in sources.items():
        try:
            found += _checked(name, source(settings, now))
        except OpsError as error:
            blind.add(name)
            found.append(
                Symptom(
                    f"blind:{name}",
                    "P1",
                    f"nobody can tell whether {name} is well",
                    f"{type(error).__name__}: {error}",
                    "runbooks/alerts-are-blind.md",
                )
            )
    ordered = sorted(found, key=lambda symptom: (symptom.severity, symptom.id))
    return Collected({symptom.id: symptom for symptom in ordered}, frozenset(blind))


def _checked(name: str, symptoms: Iterable[Symptom]) -> Sequence[Symptom]:
    seen = list(symptoms)
    for symptom in seen:
        assert symptom.id.startswith(f"{name}:"), f"{symptom.id} is not of {name}"
    return seen
