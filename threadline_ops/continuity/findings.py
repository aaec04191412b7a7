"""What a verification finds, row by row, and the report that alone names the rows."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import IO, Any, Literal

import rfc8785

from threadline_ops.continuity.keys import Key
from threadline_ops.continuity.store import Store
from threadline_ops.plain import plain

Kind = Literal["bypassed", "vanished", "appeared", "unknown"]
KINDS: tuple[Kind, ...] = ("bypassed", "vanished", "appeared", "unknown")

#: So many rows of an earlier report are kept in mind to narrow windows; beyond that windows stay wide, not wrong.
_REMEMBERED = 200_000


@dataclass(frozen=True)
class Finding:
    """A row whose live state does not follow from baseline and changes.

    Attributes:
        kind: "bypassed": it differs from what is known; "vanished": gone without a delete; "appeared": there
            without an insert or a baseline; "unknown": nothing reliable is known of it.
        key: the text of each key column.
        reason: what it was compared with, or why nothing can be said.
        columns: names of the columns that differ.
        since: it was as recorded at this moment, so the gap is later; None when not known.
        until: it was found then, so the gap is earlier.
    """

    kind: Kind
    key: Key
    reason: str
    columns: tuple[str, ...]
    since: datetime | None
    until: datetime


@dataclass(frozen=True)
class Earlier:
    """An earlier verification of the whole table.

    Attributes:
        at: its moment.
        found: what it found, by key; None when that was too much to keep in mind.
    """

    at: datetime
    found: dict[Key, tuple[str, datetime | None, datetime]] | None

    def narrowed(self, finding: Finding) -> Finding:
        """The same finding with the window that follows from the earlier verification too."""
        if self.found is None:
            return finding
        before = self.found.get(finding.key)
        since, until = finding.since, finding.until
        if before is None:
            since = self.at if since is None else max(since, self.at)
        elif before[0] == finding.kind and (since is None or since <= before[2]):
            since, until = before[1], before[2]
        return Finding(finding.kind, finding.key, finding.reason, finding.columns, since, until)


@dataclass
class Report:
    """Findings as they come, one JSON object a line.

    Attributes:
        counts: findings by kind.
        since: the earliest moment at which any gap can have happened; None when not known.
        until: the latest.
    """

    key: tuple[str, ...]
    earlier: Earlier | None
    stream: IO[bytes]
    counts: Counter[str] = field(default_factory=Counter[str])
    since: datetime | None = None
    until: datetime | None = None

    def add(self, finding: Finding) -> None:
        """Count a finding and write it down."""
        # What was unknown before is no witness, and what is unknown now has no window.
        if self.earlier and finding.kind != "unknown":
            finding = self.earlier.narrowed(finding)
        self.counts[finding.kind] += 1
        if finding.kind != "unknown":
            self.since = min(filter(None, (self.since, finding.since)), default=None)
            self.until = max(filter(None, (self.until, finding.until)), default=None)
        line = plain(asdict(finding)) | {"key": dict(zip(self.key, finding.key, strict=True))}
        self.stream.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


@contextmanager
def reporting(key: tuple[str, ...], earlier: Earlier | None) -> Generator[Report]:
    """A report in a temporary file for the length of a `with`."""
    with tempfile.TemporaryFile(prefix="threadline-verify-") as stream:
        yield Report(key, earlier, stream)


def publish(store: Store, base: str, run_id: str, report: Report, summary: dict[str, Any]) -> tuple[str, str]:
    """Put a report beside the baseline: the rows, then the summary that makes it one.

    Returns:
        Where both are.
    """
    report.stream.seek(0)
    rows = report.stream.read()
    names = f"{base}/verify-{run_id}.jsonl", f"{base}/verify-{run_id}.json"
    store.publish(names[0], rows)
    digest = hashlib.sha256(rows).hexdigest()
    store.publish(names[1], rfc8785.dumps({"format": 1, **plain(summary), "rows_sha256": digest}))
    return store.place(names[0]), store.place(names[1])


def earlier(store: Store, base: str, system_identifier: str, timeline: int) -> Earlier | None:
    """The newest verification of the whole table in this life of the cluster."""
    summary = newest_summary(store, base, system_identifier, timeline)
    if summary is None:
        return None
    at = datetime.fromisoformat(summary["at"])
    if sum(summary["counts"].values()) > _REMEMBERED:
        return Earlier(at, None)
    found: dict[Key, tuple[str, datetime | None, datetime]] = {}
    for line in store.read(f"{base}/{summary['name']}l").splitlines():
        row = json.loads(line)
        since = row["since"] and datetime.fromisoformat(row["since"])
        found[tuple(row["key"].values())] = (row["kind"], since, datetime.fromisoformat(row["until"]))
    return Earlier(at, found)


def newest_summary(store: Store, base: str, system_identifier: str, timeline: int) -> dict[str, Any] | None:
    """What the newest verification of the whole table in this life of the cluster says of itself, with its `name`."""
    summaries: list[dict[str, Any]] = []
    for name in store.names(base):
        if name.startswith("verify-") and name.endswith(".json"):
            summary: dict[str, Any] = json.loads(store.read(f"{base}/{name}"))
            same_life = (summary["system_identifier"], summary["timeline"]) == (system_identifier, timeline)
            if same_life and summary["whole"]:
                summaries.append(summary | {"name": name})
    return max(summaries, key=lambda one: datetime.fromisoformat(one["at"]), default=None)
