"""One round: compare what is wrong now with what was told, and tell the difference.

A notice is sent, then remembered: a process that dies between the two repeats that one notice after its restart, and
none is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from threadline_ops.alerts.addresses import Address, Kind, addresses
from threadline_ops.alerts.sources import SOURCES
from threadline_ops.alerts.state import State, Told, opened
from threadline_ops.alerts.symptoms import Collected, Source, Symptom, collect
from threadline_ops.errors import SettingsError
from threadline_ops.evidence.redaction import scrubber
from threadline_ops.settings import Settings


@dataclass(frozen=True)
class Round:
    """What a round did.

    Attributes:
        told: ids of symptoms that an address took now.
        recovered: ids of symptoms that are over, and of which every address knows.
        lasting: how many symptoms are there.
        undelivered: addresses, by number, that did not take a notice; the next round tries again.
        blind: sources that could not look.
    """

    told: tuple[str, ...]
    recovered: tuple[str, ...]
    lasting: int
    undelivered: tuple[int, ...]
    blind: tuple[str, ...]


def run_round(settings: Settings, *, now: datetime, sources: dict[str, Source] | None = None) -> Round:
    """Look at every source once, and tell what is new and what is over.

    Args:
        settings: addresses, thresholds, and where the state lies.
        now: the moment, aware.
        sources: instead of SOURCES.

    Raises:
        SettingsError: no address is set, or one is wrong.
        EvidenceError: the state cannot be kept.
    """
    receivers = addresses(settings)
    if not receivers:
        raise SettingsError(
            "nobody would hear of an alert",
            fix="set THREADLINE_OPS_ALERT_URLS, such as mailto://... or slack://..., see docs/alerts.md",
        )
    with opened(settings) as state:
        seen = _relevant(settings, collect(settings, SOURCES if sources is None else sources, now=now))
        return _Telling(settings, state, receivers, now).run(seen)


def _relevant(settings: Settings, seen: Collected) -> Collected:
    least = settings.alerts.minimum_severity
    return replace(seen, symptoms={key: one for key, one in seen.symptoms.items() if one.severity <= least})


@dataclass
class _Telling:
    """The round at hand; an address that fails once is left alone until the next."""

    settings: Settings
    state: State
    receivers: Sequence[Address]
    now: datetime
    down: set[int] = field(default_factory=set[int])

    def run(self, seen: Collected) -> Round:
        """Recoveries first: whoever is told of something new knows what is over."""
        recovered = [key for key in self._over(seen) if self._recover(key)]
        due = [symptom for symptom in seen.symptoms.values() if self._is_due(symptom)]
        most = self.settings.alerts.most_at_once
        told = [symptom.id for symptom in due[:most] if self._tell((symptom,), _notice(symptom, self._since(symptom)))]
        if rest := due[most:]:
            listing = "\n".join(f"{one.severity} {one.title}" for one in rest[:50])
            told += [one.id for one in rest] if self._tell(rest, (f"{len(rest)} more symptoms", listing)) else []
        return Round(
            tuple(told), tuple(recovered), len(seen.symptoms), tuple(sorted(self.down)), tuple(sorted(seen.blind))
        )

    def _over(self, seen: Collected) -> list[str]:
        """What was told and is not seen any more; a source that could not look says nothing about its own."""
        return [
            key
            for key in list(self.state.symptoms)
            if key not in seen.symptoms and key.partition(":")[0] not in seen.blind
        ]

    def _recover(self, key: str) -> bool:
        known = self.state.symptoms[key]
        heard = known.heard if self.settings.alerts.recoveries else ()
        for receiver in self.receivers:
            if receiver.digest not in heard:
                continue
            body = f"over since {self.now:%Y-%m-%d %H:%M} UTC, began {known.since[:16]}\n{key}"
            if self._send(receiver, f"recovered: {known.title}", body, "success"):
                heard = tuple(one for one in heard if one != receiver.digest)
                self.state.keep(replace(known, heard=heard, over=True))
        if any(receiver.digest in heard for receiver in self.receivers):
            return False
        self.state.forget(key)
        return True

    def _is_due(self, symptom: Symptom) -> bool:
        """Whether some address still has to hear of it; new, worse and long-lasting ones are for all."""
        known = self.state.symptoms.get(symptom.id)
        if known is None or known.over or symptom.severity < known.severity or self._reminds(known):
            since = self.now.isoformat() if known is None or known.over else known.since
            self.state.keep(Told(symptom.id, symptom.severity, symptom.title, since))
            return True
        return any(receiver.digest not in known.heard for receiver in self.receivers)

    def _reminds(self, known: Told) -> bool:
        hours = self.settings.alerts.remind_after_hours
        if hours is None or known.told_at is None:
            return False
        return self.now - datetime.fromisoformat(known.told_at) >= timedelta(hours=hours)

    def _tell(self, symptoms: Sequence[Symptom], notice: tuple[str, str]) -> bool:
        """Send one notice for these symptoms to every address that lacks one of them; whether one took it."""
        taken = False
        for receiver in self.receivers:
            lacking = [one for one in symptoms if receiver.digest not in self.state.symptoms[one.id].heard]
            if lacking and self._send(receiver, *notice, "failure" if lacking[0].severity == "P0" else "warning"):
                taken = True
                for one in lacking:
                    self.state.keep(self.state.symptoms[one.id].heard_by(receiver.digest, self.now))
        return taken

    def _since(self, symptom: Symptom) -> str:
        return self.state.symptoms[symptom.id].since[:16]

    def _send(self, receiver: Address, title: str, body: str, kind: Kind) -> bool:
        if receiver.number in self.down:
            return False
        scrub = scrubber(self.settings)
        place = self.settings.environment
        where = f"\n{self.settings.alerts.link}" if self.settings.alerts.link else ""
        if receiver.send(scrub(f"{place}: {title}"), scrub(body + where), kind):
            return True
        self.down.add(receiver.number)
        return False


def _notice(symptom: Symptom, since: str) -> tuple[str, str]:
    link = f"\nwhat to do: docs/{symptom.link}" if symptom.link else ""
    return f"{symptom.severity} {symptom.title}", f"{symptom.detail}\nseen since {since} UTC; {symptom.id}{link}"
