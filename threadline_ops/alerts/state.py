"""What was told to whom: a file beside the evidence, because the audited database may be what is down."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from threadline_ops.errors import EvidenceError
from threadline_ops.evidence import Severity, files
from threadline_ops.settings import Settings


@dataclass(frozen=True)
class Told:
    """A symptom that somebody was told of, or is still to be.

    Attributes:
        since: when a round first saw it, ISO 8601.
        told_at: when it was last told, or None while no address took it.
        heard: digests of the addresses that took the notice.
        over: it is gone, and some address has not taken the recovery.
    """

    id: str
    severity: Severity
    title: str
    since: str
    told_at: str | None = None
    heard: tuple[str, ...] = ()
    over: bool = False

    def heard_by(self, digest: str, now: datetime) -> Told:
        """The same after one more address took the notice."""
        return replace(self, heard=(*self.heard, digest), told_at=now.isoformat())


class State:
    """The symptoms of one environment, written after every change, so that a restart repeats nothing."""

    def __init__(self, path: Path, environment: str) -> None:
        self._path = path
        self._environment = environment
        self._all = _read(path)
        self.symptoms = {
            key: Told(**cast("dict[str, Any]", item | {"heard": tuple(item["heard"])}))
            for key, item in self._all.get(environment, {}).items()
        }

    def keep(self, told: Told) -> None:
        """Remember a symptom."""
        self.symptoms[told.id] = told
        self._write()

    def forget(self, key: str) -> None:
        """A symptom is over, and everybody knows."""
        del self.symptoms[key]
        self._write()

    def _write(self) -> None:
        self._all[self._environment] = {key: asdict(told) for key, told in self.symptoms.items()}
        files.replace(self._path, json.dumps(self._all, indent=1, sort_keys=True).encode())


@contextmanager
def opened(settings: Settings) -> Generator[State]:
    """The state, locked against a second round at the same time.

    Raises:
        EvidenceError: it cannot be read or written, or another round holds it.
    """
    directory = settings.evidence.directory / "alerts"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with files.locked(directory / "lock"):
            yield State(directory / "state.json", settings.environment)
    except OSError as error:
        raise EvidenceError(
            f"the state of alerts cannot be kept: {error.strerror}",
            got=str(directory),
            fix="correct evidence.directory or its permissions",
        ) from None


def told(settings: Settings) -> tuple[Told, ...]:
    """What is told at present, most severe first.

    Raises:
        EvidenceError: the state cannot be read.
    """
    path = settings.evidence.directory / "alerts" / "state.json"
    return tuple(sorted(State(path, settings.environment).symptoms.values(), key=lambda one: (one.severity, one.id)))


def _read(path: Path) -> dict[str, dict[str, dict[str, Any]]]:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise EvidenceError(
            "the state of alerts is not readable", got=str(path), fix="remove it; what lasts is then told once more"
        ) from None
