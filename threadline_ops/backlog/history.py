"""One walk over the records: the newest evidence of every row, and every issue with its opening and its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from threadline_ops.backlog.catalogue import BY_KEY
from threadline_ops.evidence import Record, Severity
from threadline_ops.evidence.store import GENESIS

#: Ends of a run that say nothing about what it looked for.
_INCONCLUSIVE = ("failed", "refused", "canceled", "killed")

#: Row, class.
RowKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one run showed about one row.

    Attributes:
        proven: the check's negative control was run and failed, as it must.
        control: what was broken for it.
    """

    record: Record
    ok: bool
    detail: str
    control: str | None
    proven: bool


@dataclass(frozen=True)
class Issue:
    """An open or closed entry of the prioritised issues.

    Attributes:
        id: stable: the order in which symptoms of an area first appeared in the chain.
        rows: the backlog rows that it keeps from being OK.
        opened: the newest record that shows the symptom since it last was absent.
        closed: the record that showed that it is gone.
    """

    id: str
    severity: Severity
    area: str
    symptom: str
    environment: str
    environment_class: str
    rows: tuple[str, ...]
    opened: Record
    latest: Record
    closed: Record | None = None

    @property
    def row(self) -> str | None:
        """The first of its rows, if it has any."""
        return self.rows[0] if self.rows else None


@dataclass
class History:
    """What the records say, before any clock or setting is looked at.

    Attributes:
        rows: the newest evidence by row and class, of one environment.
        facts: the newest cells of STG-01 and STG-02, by row and place.
        issues: every symptom that ever was, by what tells it from others.
        broken: places in the chain that do not follow from the one before.
        unknown: keys that runs claimed and the catalogue does not have.
    """

    environment: str
    validity: timedelta
    rows: dict[RowKey, Evidence] = field(default_factory=dict[RowKey, Evidence])
    facts: dict[tuple[str, str], tuple[dict[str, str], Evidence]] = field(
        default_factory=dict[tuple[str, str], "tuple[dict[str, str], Evidence]"]
    )
    issues: dict[tuple[str, ...], Issue] = field(default_factory=dict[tuple[str, ...], Issue])
    unknown: set[str] = field(default_factory=set[str])
    broken: list[int] = field(default_factory=list[int])
    records: int = 0
    _newest: str = GENESIS
    _counts: dict[str, int] = field(default_factory=dict[str, int])
    _shown: dict[tuple[str, ...], Record] = field(default_factory=dict[tuple[str, ...], Record])
    _claimed: dict[tuple[str, ...], Evidence] = field(default_factory=dict[tuple[str, ...], Evidence])
    _seen_in: dict[tuple[str, ...], set[tuple[str, ...]]] = field(
        default_factory=dict[tuple[str, ...], set[tuple[str, ...]]]
    )

    def read(self, records: Iterable[Record]) -> None:
        """Walk over records in the order of the chain."""
        for record in records:
            self.records += 1
            # Reading costs the hash anyway, so a status never rests on a chain that does not hold.
            if record.sequence != self.records or record.body["previous"] != self._newest:
                self.broken.append(record.sequence)
            self._newest = record.sha256
            failed = self._read_claims(record)
            self._read_findings(record)
            self._read_end(record, explained=failed)
            if record.status == "OK" and record.body["subject_sha256"]:
                self._shown[self._subject(record, record.mode)] = record

    def _read_claims(self, record: Record) -> bool:
        by_row: dict[str, list[dict[str, Any]]] = {}
        named = {row for finding in record.body["findings"] for row in finding.get("rows", ())}
        for claim in record.body["claims"]:
            by_row.setdefault(claim["row"], []).append(claim)
        for key, claims in by_row.items():
            if key not in BY_KEY:
                self.unknown.add(key)
                continue
            judged = [self._judge(record, claim) for claim in claims]
            worst = next((evidence for evidence in judged if not evidence.ok), None)
            # An OK of several parts is proven when each of them is.
            whole = worst or replace(judged[0], proven=all(evidence.proven for evidence in judged))
            self._note(record, key, whole, named=key in named)
            for claim, evidence in zip(claims, judged, strict=True):
                if claim["facts"] and (record.environment == self.environment or key.startswith("topology.")):
                    place = claim["facts"].get("Path") or claim["facts"].get("Environment") or record.environment
                    self.facts[key, place] = claim["facts"], evidence
        return any(claim["status"] != "OK" for claims in by_row.values() for claim in claims)

    def _judge(self, record: Record, claim: dict[str, Any]) -> Evidence:
        ok, detail, control = claim["status"] == "OK", claim["detail"], claim["control"]
        if ok and claim["after"]:
            earlier = self._shown.get(self._subject(record, claim["after"]))
            if earlier is None:
                ok, detail = False, f"no {claim['after']} run on the same subject came before"
            elif record.ended - earlier.ended > self.validity:
                ok, detail = False, f"the {claim['after']} run on the same subject is of {earlier.ended:%Y-%m-%d}"
        return Evidence(record, ok, detail, control and control["name"], bool(control and control["failed"]))

    def _subject(self, record: Record, mode: str) -> tuple[str, ...]:
        return record.environment, record.operation, mode, str(record.body["subject_sha256"])

    def _note(self, record: Record, key: str, evidence: Evidence, *, named: bool) -> None:
        if record.environment == self.environment:
            self.rows[key, record.environment_class] = evidence
        symptom = ("row", record.environment, record.environment_class, key)
        self._claimed[symptom] = evidence
        if evidence.ok:
            self._close(symptom, record)
        elif not named:
            self._open_row(symptom, record)

    def _open_row(self, symptom: tuple[str, ...], record: Record) -> None:
        row = BY_KEY[symptom[-1]]
        text = f"{row.title}: {self._claimed[symptom].detail}"
        self._open(symptom, record, row.area, row.severity, text, (row.key,))

    def _read_findings(self, record: Record) -> None:
        where = (record.environment, record.environment_class)
        default = f"{record.operation} {record.mode}"
        found: dict[str, set[tuple[str, ...]]] = {}
        for item in record.body["findings"]:
            symptom = ("finding", *where, item["area"], item["code"])
            self._open(symptom, record, item["area"], item["severity"], item["symptom"], tuple(item.get("rows", ())))
            found.setdefault(item.get("scope") or default, set()).add(symptom)
        for scope, symptoms in found.items():
            self._seen_in.setdefault((*where, scope), set()).update(symptoms)
        if record.outcome in _INCONCLUSIVE:
            return
        still = set[tuple[str, ...]]().union(*found.values())
        for scope in record.body.get("scopes") or [default]:
            for symptom in self._seen_in.get((*where, scope), set()) - still:
                self._close(symptom, record)
                self._leave_no_row(self.issues[symptom], where)
            self._seen_in[(*where, scope)] = found.get(scope, set())

    def _leave_no_row(self, closed: Issue, where: tuple[str, str]) -> None:
        """A row that a closed finding kept from being OK, and that no run has shown since, gets an entry of its own."""
        for key in closed.rows:
            symptom = ("row", *where, key)
            evidence = self._claimed.get(symptom)
            if evidence is None or evidence.ok:
                continue
            open_ones = (issue for issue in self.issues.values() if not issue.closed and key in issue.rows)
            if not any((issue.environment, issue.environment_class) == where for issue in open_ones):
                self._open_row(symptom, evidence.record)

    def _read_end(self, record: Record, *, explained: bool) -> None:
        about = record.body.get("about")
        symptom = ("run", record.environment, record.environment_class, record.operation, record.mode, about or "")
        if record.status == "OK":
            self._close(symptom, record)
        elif not explained and not record.body["findings"]:
            of = f" of {about}" if about else ""
            text = f"{record.operation} ({record.mode}){of} ended {record.outcome}"
            severity: Severity = "P2" if record.outcome in ("refused", "canceled") else "P1"
            self._open(symptom, record, "RUN", severity, text, ())

    def _open(
        self,
        symptom: tuple[str, ...],
        record: Record,
        area: str,
        severity: Severity,
        text: str,
        rows: tuple[str, ...],
    ) -> None:
        known = self.issues.get(symptom)
        if known is None:
            self._counts[area] = self._counts.get(area, 0) + 1
            number = f"AP-{area}.{self._counts[area]}"
            classes = (record.environment, record.environment_class)
            self.issues[symptom] = Issue(number, severity, area, text, *classes, rows, record, record)
        else:
            opened = record if known.closed else known.opened
            self.issues[symptom] = replace(
                known, severity=severity, symptom=text, rows=rows, opened=opened, latest=record, closed=None
            )

    def _close(self, symptom: tuple[str, ...], record: Record) -> None:
        known = self.issues.get(symptom)
        if known is not None and known.closed is None:
            self.issues[symptom] = replace(known, closed=record)
