"""Every kind of chain, recognised on a real server behind a real PgBouncer."""

import json
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from tests import pgbouncer
from tests.audit import settings_for
from tests.forwarder import forwarding
from tests.newer_pgbouncer import FIRST, newer, version
from threadline_ops.declared import EnvironmentSettings
from threadline_ops.settings import Settings
from threadline_ops.topology import Facts, Mode, TopologyRequest, detect, markdown, run_topology
from threadline_ops.topology.targets import Target, targets


def target_for(dsn: str, tmp_path: Path, direct: str | None = None, **declared) -> Target:
    environment = EnvironmentSettings(
        dsn=SecretStr(dsn), direct_dsn=SecretStr(direct) if direct else None, **({"allow_writes": True} | declared)
    )
    settings = settings_for(dsn, tmp_path / "evidence").model_copy(update={"environments": {"test": environment}})
    (target,) = targets(settings)
    return target


def probes_of(settings: Settings) -> dict:
    (report,) = run_topology(settings, TopologyRequest()).environments
    return {probe.key: probe for probe in report.probes}


def test_a_direct_connection_is_recognised(audited: str, tmp_path: Path):
    facts = detect(target_for(audited, tmp_path))
    assert (facts.mode, facts.product, facts.pool_size) == (Mode.direct, "none", None)
    assert facts.system_identifier


@pytest.mark.parametrize("mode", ["session", "transaction", "statement"])
@pytest.mark.parametrize("console", [True, False])
def test_each_pool_mode_is_recognised_with_and_without_the_console(
    server, audited: str, tmp_path: Path, mode: str, console: bool
):
    with pgbouncer.started(server.admin, mode, console=console) as pooler:
        facts = detect(target_for(pooler.dsn(audited), tmp_path))
    assert facts.mode is Mode(mode)
    assert facts.product.startswith("PgBouncer")
    if console:
        assert facts.product.removeprefix("PgBouncer ")[0].isdigit()
        assert facts.pool_size == pooler.pool_size
        assert facts.console_agrees is True
        assert "admin console" in facts.how
    else:
        assert (facts.product, facts.pool_size) == ("PgBouncer of unknown version", None)


def test_a_login_of_its_own_may_ask_the_console(server, audited: str, tmp_path: Path):
    with pgbouncer.started(server.admin, "transaction", console=False) as pooler:
        admin = SecretStr(make_conninfo(pooler.dsn(audited), user="stats", password=pooler.stats_password))
        facts = detect(target_for(pooler.dsn(audited), tmp_path, admin_dsn=admin))
    assert facts.pool_size == pooler.pool_size


def test_the_limit_of_prepared_statements_is_told_where_there_is_one(server, audited: str, tmp_path: Path):
    """1.18, which Debian 12 has, knows none; from 1.21 on it is told, and the contract holds as well."""
    told = {}
    for executable in {pgbouncer.program(), newer()} - {None}:
        with pgbouncer.started(server.admin, "transaction", executable=executable) as pooler:
            target = target_for(pooler.dsn(audited), tmp_path, direct=audited, allow_writes=False)
            facts = detect(target)
            probes = probes_of(target.settings)
        told[version(executable)] = facts.max_prepared_statements
        assert facts.product == "PgBouncer " + ".".join(map(str, version(executable)))
        assert probes["no_statement_is_prepared"].status == "OK"
        assert probes["no_session_state_is_left"].status == "OK"
    assert {number >= FIRST: limit is not None for number, limit in told.items()} == {
        number >= FIRST: number >= FIRST for number in told
    }


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_busy_pool_is_not_mistaken(server, audited: str, tmp_path: Path, mode: str):
    """Other clients hold backends, so that statements land on whichever is free."""
    with pgbouncer.started(server.admin, mode, pool_size=8) as pooler:
        others = [psycopg.connect(pooler.dsn(audited)) for _ in range(3)]
        try:
            for other in others:
                other.execute("select 1")
            assert detect(target_for(pooler.dsn(audited), tmp_path)).mode is Mode(mode)
        finally:
            for other in others:
                other.close()


def test_a_pool_of_one_is_transaction_pooling(server, audited: str, tmp_path: Path):
    with pgbouncer.started(server.admin, "transaction", pool_size=1) as pooler:
        assert detect(target_for(pooler.dsn(audited), tmp_path)).mode is Mode.transaction


def test_a_pooler_without_a_console_is_of_unknown_kind(audited: str, tmp_path: Path):
    """A proxy that makes up cancel keys, as poolers do, and is no PgBouncer."""
    with forwarding(audited) as dsn:
        facts = detect(target_for(dsn, tmp_path))
        assert facts.product == "a pooler of unknown kind"
        assert facts.mode is Mode.session
        assert "does not exist" in facts.how
        declared = detect(target_for(dsn, tmp_path, pooler="RDS Proxy"))
    assert declared.product == "RDS Proxy"
    assert "as declared" in declared.how


def test_a_forwarder_that_changes_nothing_is_direct(audited: str, tmp_path: Path):
    with forwarding(audited, honest=True) as dsn:
        assert detect(target_for(dsn, tmp_path)).mode is Mode.direct


@pytest.mark.parametrize("mode", ["direct", "session", "transaction"])
def test_the_contract_holds_by_every_usable_route(
    server, audited_directly: str, tmp_path: Path, poolers, mode: str, connection: psycopg.Connection
):
    dsn = audited_directly if mode == "direct" else poolers(mode).dsn(audited_directly)
    settings = target_for(dsn, tmp_path, direct=audited_directly).settings
    report = run_topology(settings, TopologyRequest())
    (environment,) = report.environments
    assert {probe.key: (probe.status, probe.control_failed) for probe in environment.probes} == {
        probe.key: ("OK", True) for probe in environment.probes
    }, [probe for probe in environment.probes if probe.status != "OK"]
    assert len(environment.probes) == 8
    assert environment.status == "OK"
    crossed = next(p for p in environment.probes if p.key == "actors_are_never_crossed")
    assert "8 clients wrote 1600 transactions" in crossed.observed
    if mode == "transaction":
        # The run's lock holds the pool's fourth.
        assert "over 3 backends, 3 of them shared" in crossed.observed
    left = connection.execute("select count(*) from pg_namespace where nspname like 'threadline_ops_probe%'").fetchone()
    assert left == (0,)
    assert connection.execute("select count(*) from audit_changes").fetchone() == (0,), "the host's tables stay alone"
    record = json.loads(report.evidence.read_text())
    assert record["figures"]["environments"]["test"]["facts"]["mode"] == mode
    assert record["status"] == "OK"


def test_statement_pooling_is_an_issue(audited: str, tmp_path: Path, poolers):
    settings = target_for(poolers("statement").dsn(audited), tmp_path).settings
    report = run_topology(settings, TopologyRequest())
    assert report.violations == 1
    assert any("statement pooling" in problem for problem in report.environments[0].problems)
    assert {probe.status for probe in report.environments[0].probes} == {"Issue"}


def test_a_pooler_without_a_direct_path_is_an_issue(audited: str, tmp_path: Path, poolers):
    settings = target_for(poolers("transaction").dsn(audited), tmp_path, allow_writes=False).settings
    probes = probes_of(settings)
    assert probes["ddl_has_a_direct_path"].status == "Issue"
    assert "THREADLINE_OPS_DIRECT_DSN" in probes["ddl_has_a_direct_path"].observed
    assert probes["actors_are_never_crossed"].status == "Not run"
    assert "allow_writes" in probes["actors_are_never_crossed"].observed


def test_a_direct_path_to_another_database_is_an_issue(server, audited: str, database: str, tmp_path: Path, poolers):
    settings = target_for(poolers("transaction").dsn(audited), tmp_path, direct=database, allow_writes=False).settings
    assert "another database" in probes_of(settings)["ddl_has_a_direct_path"].observed


def test_a_pool_of_one_backend_is_reported_and_does_not_hang(
    server, audited: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("threadline_ops.topology.clause.PATIENCE_SECONDS", 0.5)
    with pgbouncer.started(server.admin, "transaction", pool_size=1) as pooler:
        probes = probes_of(target_for(pooler.dsn(audited), tmp_path, direct=audited, allow_writes=False).settings)
    assert probes["advisory_locks_exclude"].status == "Issue"
    assert "at least two server connections" in probes["advisory_locks_exclude"].observed


def test_a_setting_that_stays_is_seen(audited: str, tmp_path: Path, poolers, monkeypatch: pytest.MonkeyPatch):
    """Break our own rule: the actor made for the session must fail the clause."""
    import threadline_ops.topology.contract_session as module

    real = module.statement

    def careless(name: str):
        return real("topology/set_for_session") if name == "topology/set_actor" else real(name)

    def attributed(database, token: str) -> None:
        with database.transaction() as connection:
            connection.execute(careless("topology/set_actor"), {"name": "threadline.actor_ref", "value": token})

    monkeypatch.setattr(module, "_attributed", attributed)
    settings = target_for(poolers("transaction").dsn(audited), tmp_path, direct=audited, allow_writes=False).settings
    assert probes_of(settings)["no_session_state_is_left"].status == "Issue"


def test_environments_are_compared_with_production(server, audited: str, tmp_path: Path, poolers):
    pooled = poolers("transaction").dsn(audited)
    settings = settings_for(audited, tmp_path / "evidence").model_copy(
        update={
            "environments": {
                "production": EnvironmentSettings(dsn=SecretStr(pooled), production=True, application="web"),
                "staging": EnvironmentSettings(dsn=SecretStr(pooled), sandbox_note="smaller"),
                "ci": EnvironmentSettings(dsn=SecretStr(audited), environment_class="ci"),
                "away": EnvironmentSettings(),
            }
        }
    )
    report = run_topology(settings, TopologyRequest(save=tmp_path / "facts"))
    matches = {row.environment: row.matches for row in report.rows}
    assert matches["production"].verdict == "yes"
    assert matches["staging"].verdict == "partial", "one cluster: production's own"
    assert "production's own cluster" in matches["staging"].paragraph
    assert matches["ci"].verdict == "no"
    assert "pool mode is direct here and transaction in production" in matches["ci"].paragraph
    assert [e.status for e in report.environments][-1] == "Not run"
    table = markdown(report.rows)
    assert "| Environment | Class | Chain |" in table
    assert "| ci | ci | application -> PostgreSQL 18" in table
    later = settings.model_copy(
        update={
            "environments": {
                "production": EnvironmentSettings(production=True, recorded=tmp_path / "facts" / "production.json"),
                "staging": EnvironmentSettings(dsn=SecretStr(pooled)),
            }
        }
    )
    again = run_topology(later, TopologyRequest(environments=("staging",)))
    assert again.rows[0].matches.verdict == "partial"
    password = psycopg.conninfo.conninfo_to_dict(audited)["password"]
    for file in (*(tmp_path / "facts").iterdir(), report.evidence):
        assert str(password) not in file.read_text()


def test_an_environment_that_is_away_does_not_stop_the_others(audited: str, tmp_path: Path):
    settings = settings_for(audited, tmp_path / "evidence").model_copy(
        update={
            "environments": {
                "gone": EnvironmentSettings(dsn=SecretStr("postgresql://u:secret-word@127.0.0.1:1/x")),
                "here": EnvironmentSettings(dsn=SecretStr(audited)),
            }
        }
    )
    report = run_topology(settings, TopologyRequest())
    assert {e.name: e.status for e in report.environments} == {"test": "OK", "gone": "Issue", "here": "OK"}
    assert "secret-word" not in report.evidence.read_text()


def test_facts_survive_a_file(tmp_path: Path):
    from threadline_ops.topology import recorded

    facts = Facts(Mode.session, "PgBouncer 1.18.0", "seen", 4, 0, "18.0", True, "7", True)
    recorded.save(tmp_path / "a.json", "x", facts, recorded_at="2026-01-01", evidence="r.json")
    assert recorded.load(tmp_path / "a.json", "x") == facts
