"""STG-01's row, the comparison with production, and what the backlog is told: pure functions of facts."""

from dataclasses import replace
from pathlib import Path

import pytest

from threadline_ops.declared import EnvironmentSettings
from threadline_ops.settings import Settings
from threadline_ops.topology import HEADINGS, Facts, Matches, Mode, Probe, compare, markdown
from threadline_ops.topology.claims import claims
from threadline_ops.topology.rows import row
from threadline_ops.topology.run import EnvironmentReport, TopologyReport
from threadline_ops.topology.targets import Target
from threadline_ops.write_paths import Check, PathResult, ProbeReport
from threadline_ops.write_paths.claims import claims as path_claims

FACTS = Facts(Mode.transaction, "PgBouncer 1.24.1", "console", 20, 100, "17.2 (Debian 17.2-1)", True, "71", True)
TARGET = Target("staging", "host", EnvironmentSettings(application="web", sandbox_note="small | cheap"), Settings())


def matches(**changes) -> Matches:
    facts = replace(FACTS, system_identifier="72", **changes)
    return compare("staging", facts, ("production", FACTS), is_production=False)


def test_equal_facts_match():
    assert matches() == Matches("yes")


@pytest.mark.parametrize(
    ("changes", "verdict", "sentence"),
    [
        ({"mode": Mode.session}, "no", "pool mode is session here and transaction in production"),
        ({"product": "PgBouncer 1.18.0"}, "partial", "the pooler is PgBouncer 1.18.0 here and PgBouncer 1.24.1"),
        ({"pool_size": 4}, "partial", "the pool's size is 4 here and 20"),
        ({"max_prepared_statements": None}, "partial", "is not known here and 100"),
        ({"server_version": "15.3"}, "partial", "PostgreSQL is 15.3 here and 17.2"),
        ({"tls": False}, "partial", "encryption is off here and on"),
    ],
)
def test_each_difference_is_said_in_the_paragraph(changes: dict, verdict: str, sentence: str):
    found = matches(**changes)
    assert found.verdict == verdict
    assert sentence in found.paragraph


def test_nothing_matches_an_unknown_production():
    assert compare("staging", FACTS, None, is_production=False).verdict == "no"
    assert compare("staging", None, ("production", FACTS), is_production=False).verdict == "no"


def test_a_row_has_the_templates_columns():
    cells = row(TARGET, FACTS, Matches("partial", "staging: it is smaller."), "run.json").cells()
    assert tuple(cells) == HEADINGS
    assert cells == {
        "Environment": "staging",
        "Class": "host",
        "Chain": "web -> PgBouncer 1.24.1 -> PostgreSQL 17.2",
        "Pooler product": "PgBouncer 1.24.1",
        "Pool mode": "transaction",
        "Pools": "20 for each database and user",
        "Prepare policy": "never prepared by the suite; the pooler keeps up to 100",
        "Sandbox note": "small | cheap",
        "Matches prod": "partial",
        "Evidence link": "run.json",
    }


def test_a_table_survives_any_text():
    lines = markdown([row(TARGET, None, Matches("no", "a\nb"), "x")]).splitlines()
    assert lines[2].count(" | ") == len(HEADINGS) - 1
    assert "small \\| cheap" in lines[2]
    assert lines[-1] == "a b"


def report(*probes: Probe, facts: Facts = FACTS, verdict: Matches = Matches("yes")) -> TopologyReport:  # noqa: B008
    made = row(TARGET, facts, verdict, "run.json")
    environment = EnvironmentReport("staging", "host", facts, True, probes, (), made)
    return TopologyReport("run", (environment,), 1.0, Path("run.json"), Path("run.log.gz"))


def test_the_backlog_hears_what_was_found():
    good = Probe("a", "It holds", "OK", "seen", "broken", True)
    chain, match = claims(report(good))
    assert (chain.row, chain.ok, chain.control_failed) == ("topology.chain_is_known", True, True)
    assert (match.row, match.ok, match.control_failed) == ("topology.matches_production", True, True)
    assert chain.facts["Pool mode"] == "transaction"
    chain, _ = claims(report(good, Probe("b", "It does not", "Issue", "seen", "broken", True)))
    assert (chain.ok, "It does not" in chain.detail) == (False, True)
    _, match = claims(report(good, verdict=Matches("no", "staging: another pool mode.")))
    assert not match.ok


def path(kind: str, status: str, *checks: tuple[str, str]) -> PathResult:
    found = tuple(Check(key, "sentence", state, "observed") for key, state in checks)  # pyright: ignore[reportArgumentType]
    return PathResult("p", kind, status, "notes", found, "id", True)


ALL = ("actor_present", "actor_is_local", "action_linked", "correlation_carried", "actor_well_formed")


def test_the_backlog_hears_of_each_kind_of_path():
    good = [(key, "OK") for key in ALL]
    probed = ProbeReport("run", (path("http", "OK", *good),), 1.0, Path("e"), Path("l"))
    assert {c.row: c.ok for c in path_claims(probed)} == {
        "paths.http_write_is_captured": True,
        "actor.set_in_the_writes_transaction": True,
        "actor.actions_recorded": True,
    }
    bad = [(key, "Issue" if key == "action_linked" else "OK") for key in ALL]
    probed = ProbeReport("run", (path("job", "Issue", *bad), path("http", "Not run")), 1.0, Path("e"), Path("l"))
    assert {c.row: c.ok for c in path_claims(probed)} == {
        "paths.job_write_is_captured": False,
        "actor.set_in_the_writes_transaction": True,
        "actor.actions_recorded": False,
        "actor.jobs_carry_actors": True,
    }
    empty = ProbeReport("run", (path("job", "Issue", ("captured", "Issue")),), 1.0, Path("e"), Path("l"))
    assert not any(c.ok for c in path_claims(empty)), "a path without audit rows shows nothing"
