"""Code locations of several environments in one test: each is imported anew, as its own code server would."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import dagster as dg
import pytest

ROOMS = ("assets", "jobs")


@dataclass(frozen=True)
class Environment:
    """What one code server is given."""

    name: str
    dsn: str
    evidence: Path
    prefixed: bool

    def variables(self) -> dict[str, str]:
        values = {
            "ENVIRONMENT": self.name,
            "DSN": self.dsn,
            "COVERAGE__EXPECTED_TABLES": '["public.orders"]',
            "RETENTION__KEEP_DAYS": "90",
            "EVIDENCE__DIRECTORY": str(self.evidence),
            "BACKLOG__DIRECTORY": str(self.evidence / "backlog"),
            "DASHBOARD__PREFIX_ASSET_KEYS": str(self.prefixed).lower(),
        }
        return {f"THREADLINE_OPS_{name}": value for name, value in values.items()}


@contextmanager
def loaded(environment: Environment) -> Iterator[dg.Definitions]:
    """The code location of an environment; what runs inside sees that environment's settings."""
    before = _taken()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.variables().items():
            patch.setenv(name, value)
        try:
            yield importlib.import_module("jobs.definitions").defs
        finally:
            _taken()
            sys.modules.update(before)


def _taken() -> dict[str, ModuleType]:
    """Modules whose keys and tags follow the settings that they were imported with."""
    names = [name for name in sys.modules if name.split(".")[0] in ROOMS]
    return {name: sys.modules.pop(name) for name in names}
