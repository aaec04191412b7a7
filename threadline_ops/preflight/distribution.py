"""Is what is installed here the release that was tagged, with dependencies that it allows?"""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any, cast

from packaging.requirements import InvalidRequirement, Requirement

PACKAGE = "threadline-ops"


def version_objection(tag: str) -> str | None:
    """Why the installed package is not the release with this tag, or None if it is."""
    installed = metadata.version(PACKAGE)
    if tag.removeprefix("v") != installed:
        return f"version {installed} is installed, not {tag}"
    if _is_working_copy():
        return "the package runs from a working copy, not from a wheel"
    return None


def unmet(requirements: list[str]) -> list[str]:
    """The requirements that the installed packages do not meet, each a sentence."""
    found: list[str] = []
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            found.append(f"{text!r} cannot be read")
            continue
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            found.append(f"{requirement.name} is not installed")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{requirement.name} {version} is not within {requirement.specifier}")
    return found


def requirements() -> list[str]:
    """What the installed package says that it needs."""
    return metadata.requires(PACKAGE) or []


def _is_working_copy() -> bool:
    text = metadata.distribution(PACKAGE).read_text("direct_url.json")
    if text is None:
        return False
    origin = cast("dict[str, Any]", json.loads(text))
    return bool(origin.get("dir_info", {}).get("editable"))
