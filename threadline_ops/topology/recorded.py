"""Facts in a file: how an environment that cannot be reached from here takes part in a comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from threadline_ops.errors import TopologyError
from threadline_ops.plain import plain
from threadline_ops.topology.detect import Facts, Mode

#: Grows when a field changes its meaning.
VERSION = 1


def save(path: Path, environment: str, facts: Facts, *, recorded_at: str, evidence: str) -> None:
    """Write an environment's facts; they hold no address, no login and no captured value.

    Raises:
        TopologyError: the file cannot be written.
    """
    document = {
        "facts_version": VERSION,
        "environment": environment,
        "recorded_at": recorded_at,
        "evidence": evidence,
        "facts": plain(facts),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise TopologyError(
            f"the facts cannot be written: {error.strerror}", got=str(path), fix="name another file"
        ) from None


def load(path: Path, environment: str) -> Facts:
    """Read them back.

    Raises:
        TopologyError: there is no such file, or it is not of this environment or version.
    """
    try:
        document = cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))
        if document["facts_version"] != VERSION or document["environment"] != environment:
            raise ValueError
        facts = dict(cast("dict[str, Any]", document["facts"]))
        return Facts(mode=Mode(facts.pop("mode")), **facts)
    except OSError as error:
        raise TopologyError(
            f"the recorded facts of {environment} cannot be read: {error.strerror}",
            got=str(path),
            fix=f"run threadline-ops topology --save there, or correct environments.{environment}.recorded",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise TopologyError(
            f"this file does not hold recorded facts of {environment}",
            got=str(path),
            fix="record them again with threadline-ops topology --save",
        ) from None
