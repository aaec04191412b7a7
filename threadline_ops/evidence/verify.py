"""Does the store still hold what was put into it? Every byte of every record and log is hashed again."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any

from threadline_ops.database import opened
from threadline_ops.errors import OpsError
from threadline_ops.evidence.anchor import anchors, other_stores
from threadline_ops.evidence.files import read
from threadline_ops.evidence.listing import Listing, take
from threadline_ops.evidence.remote import differences
from threadline_ops.evidence.store import GENESIS, Head, Store, store_of
from threadline_ops.settings import Settings


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it was written.

    Attributes:
        kind: edited, gap, order, tail, log, name, stray, head, anchor, remote or unreadable.
        place: the file or the place in the chain.
        text: for people.
    """

    kind: str
    place: str
    text: str


@dataclass(frozen=True)
class Verification:
    """What verify found.

    Attributes:
        records: how many there are.
        head: the newest place in the chain.
        anchored: "verified", or why the database could not be asked; said in any case.
        anchored_through: the newest anchored place.
        notes: what is odd but no tampering.
    """

    records: int
    head: Head | None
    problems: tuple[Problem, ...]
    anchored: str
    anchored_through: int
    notes: tuple[str, ...]
    seconds: float

    @property
    def intact(self) -> bool:
        """Nothing was edited, removed, reordered or added."""
        return not self.problems


@dataclass
class _Walk:
    store: Store
    listing: Listing
    problems: list[Problem] = field(default_factory=list[Problem])
    hashes: dict[int, str] = field(default_factory=dict[int, str])
    stores: dict[int, str] = field(default_factory=dict[int, str])
    expected_names: set[str] = field(default_factory=set[str])

    def problem(self, kind: str, place: object, text: str) -> None:
        self.problems.append(Problem(kind, str(place), text))


def verify(settings: Settings) -> Verification:
    """Check the chain, the logs, the names and the anchors; never raises for what it finds.

    Args:
        settings: the store and the database.
    """
    began = time.monotonic()
    store = store_of(settings)
    walk = _Walk(store, take(store))
    _chain(walk)
    _strays(walk)
    notes = _noted_head(walk)
    anchored, through = _anchors(walk, settings, notes)
    _remote(walk, notes)
    last = max(walk.hashes, default=0)
    return Verification(
        records=len(walk.hashes),
        head=Head(last, walk.hashes[last]) if last else None,
        problems=tuple(walk.problems),
        anchored=anchored,
        anchored_through=through,
        notes=tuple(notes),
        seconds=round(time.monotonic() - began, 3),
    )


def _chain(walk: _Walk) -> None:
    expected, previous, chain = 1, GENESIS, str(walk.store.chain)
    for place in walk.listing.places:
        if place != expected:
            walk.problem("gap", place, f"records {expected} to {place - 1} are missing")
            previous = ""
        content = _read(walk, f"{chain}/{place:010d}.json")
        sha256 = hashlib.sha256(content).hexdigest()
        walk.hashes[place] = sha256
        body = _body(walk, place, content)
        if body is not None:
            _links(walk, place, body, previous)
            _file_names(walk, place, body, content)
        expected, previous = place + 1, sha256


def _read(walk: _Walk, path: str) -> bytes:
    try:
        return read(path)
    except OSError as error:
        walk.problem("unreadable", path.rpartition("/")[2], error.strerror or "cannot be read")
        return b""


def _body(walk: _Walk, place: int, content: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(content)
        walk.stores[place] = str(body["store"])
        complete = {"sequence", "previous", "run_id"} <= body.keys() and {"file", "file_sha256"} <= body["log"].keys()
        if not complete:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        walk.problem("edited", place, "this is no record")
        return None
    return body


def _links(walk: _Walk, place: int, body: dict[str, Any], previous: str) -> None:
    if body["sequence"] != place:
        walk.problem("order", place, f"this place holds record {body['sequence']}")
    if previous and body["previous"] != previous:
        walk.problem("edited", place - 1, f"record {place} does not follow from record {place - 1}: one was altered")


def _file_names(walk: _Walk, place: int, body: dict[str, Any], content: bytes) -> None:
    run_id, log = str(body["run_id"]), body["log"]
    name, log_name = f"{run_id}.json", f"{run_id}.log.gz"
    if name in walk.expected_names:
        walk.problem("order", place, f"run {run_id} has two records")
    walk.expected_names |= {name, log_name}
    if name not in walk.listing.names:
        walk.problem("name", place, f"{name} is missing")
    elif walk.listing.names[name] != walk.listing.chain.get(f"{place:010d}.json") and (
        # Two names of one file, or, where a copy of the store lost that, two equal files.
        _read(walk, f"{walk.store.directory}/{name}") != content
    ):
        walk.problem("edited", place, f"{name} differs from this record")
    if log["file"] != log_name:
        walk.problem("log", place, "the record names another run's log")
    elif log_name not in walk.listing.names:
        walk.problem("log", place, f"{log_name} is missing")
    elif hashlib.sha256(_read(walk, f"{walk.store.directory}/{log_name}")).hexdigest() != log["file_sha256"]:
        walk.problem("log", place, f"{log_name} was altered")


def _strays(walk: _Walk) -> None:
    known = walk.expected_names | {"HEAD", ".lock"}
    live = {name.rsplit(".", 1)[0] for name in walk.listing.running}
    for name in sorted(walk.listing.names.keys() - known):
        of_live_run = name.removesuffix(".log.gz") in live
        left_by_crash = name.startswith(".") and name.endswith(".tmp")
        if not of_live_run and not left_by_crash:
            walk.problem("stray", name, "no record names this file")
    places = {f"{place:010d}.json" for place in walk.listing.places}
    for name in sorted(walk.listing.chain.keys() - places):
        walk.problem("stray", f"chain/{name}", "this is no place in the chain")


def _noted_head(walk: _Walk) -> list[str]:
    last = max(walk.hashes, default=0)
    noted = walk.listing.noted
    if noted is None:
        if last or "HEAD" in walk.listing.names:
            walk.problem("head", "HEAD", "HEAD is missing or not of its form")
        return []
    if noted.sequence > last:
        walk.problem("tail", last + 1, f"records {last + 1} to {noted.sequence} are missing from the end")
    elif walk.hashes.get(noted.sequence) != noted.sha256:
        walk.problem("head", "HEAD", f"HEAD knows another record {noted.sequence}")
    elif noted.sequence < last:
        return [f"HEAD is {last - noted.sequence} behind: a run died while it recorded; the next one mends it"]
    return []


def _remote(walk: _Walk, notes: list[str]) -> None:
    """Everything in the object store is read again: it is what is left when this machine is gone."""
    remote = walk.store.remote
    if remote is None:
        return
    contents = {f"chain/{place:010d}.json": sha256 for place, sha256 in walk.hashes.items()}
    for name in walk.expected_names:
        if name in walk.listing.names:
            contents[name] = hashlib.sha256(_read(walk, f"{walk.store.directory}/{name}")).hexdigest()
    for name, what in differences(remote, contents):
        walk.problem("remote", name, what)
    notes.append(f"{len(contents)} objects of {remote.shown} were read again")


def _anchors(walk: _Walk, settings: Settings, notes: list[str]) -> tuple[str, int]:
    if settings.evidence.anchor == "off":
        return "not checked: evidence.anchor is off", 0
    name = settings.evidence_store
    try:
        with opened(settings, "evidence") as database:
            known = anchors(database, name)
            others = other_stores(database, name)
    except OpsError as error:
        known, others, reason = None, {}, error.what
    else:
        reason = "the database has no anchors"
    notes += [f"this database also anchors store {other!r}, {count} records" for other, count in others.items()]
    if not known:
        if settings.evidence.anchor == "required":
            walk.problem("anchor", "database", f'{reason}, and evidence.anchor is "required"')
        return f"not checked: {reason if known is None else f'no anchors of store {name!r}'}", 0
    for place, sha256 in sorted(known.items()):
        found = walk.hashes.get(place)
        if found is None:
            walk.problem("anchor", place, f"the database anchors record {place}, which is missing")
        elif found != sha256:
            walk.problem("anchor", place, f"the database anchors another record {place}")
    through = max(known)
    if through < (last := max(walk.hashes, default=0)):
        notes.append(f"records {through + 1} to {last} are not anchored yet; the next anchored run covers them")
    return "verified", through
