"""`coverage` and `doctor` as a person meets them."""

import json
from pathlib import Path

import psycopg
import pytest

from tests import command as cli
from tests.audited_world import CUSTOMERS, TABLES
from tests.command import command, spawned

pytestmark = pytest.mark.pooled


@pytest.fixture
def environment(healthy: str, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "threadline.toml").write_text(
        f"""
        [coverage]
        expected_tables = {json.dumps([f"public.{name}" for name in TABLES])}
        [capture.tables.lines]
        typed_pk = true
        [capture.tables."public.customers"]
        mask = {json.dumps(CUSTOMERS.mask)}
        exclude = {json.dumps(CUSTOMERS.exclude)}
        except_columns = {json.dumps(CUSTOMERS.except_columns)}
        store_changed_from = true
        """
    )
    return cli.environment(DSN=healthy) | {"COLUMNS": "200"}


@pytest.fixture
def connection(healthy: str):
    with psycopg.connect(healthy, autocommit=True) as opened:
        yield opened


def test_coverage_lists_every_table_and_sums_up(environment, tmp_path):
    done = command(environment, tmp_path, "coverage")
    assert done.returncode == 0, done.stderr
    header, *rows, summary = done.stdout.splitlines()
    assert header.split() == ["TABLE", "STATUS", "REASON"]
    assert [row.split()[:2] for row in rows] == [
        ["public.customers", "covered"],
        ["public.events", "covered"],
        ["public.lines", "covered"],
        ["public.orders", "covered"],
        ["public.scratch", "uncovered"],
    ]
    assert summary == "summary: 4 covered, 1 uncovered, 0 broken, 0 missing, 4 expected, 0 violations"


@pytest.mark.backlog("capture.expected_tables_covered")
def test_violations_exit_1_missing_ones_first(environment, tmp_path, connection):
    connection.execute("drop table orders; alter table lines disable trigger threadline_audit_lines")
    done = spawned(environment, tmp_path, "coverage")
    assert done.returncode == 1
    rows = done.stdout.splitlines()[1:]
    assert rows[0].split(maxsplit=2) == ["public.orders", "missing", "the table does not exist"]
    assert rows[1].split(maxsplit=2) == ["public.lines", "broken", "threadline_audit_lines is disabled"]
    assert "2 violations" in rows[-1]
    record = json.loads(next((tmp_path / ".threadline/evidence").glob("*.json")).read_text())
    assert (record["operation"], record["outcome"], record["status"]) == ("coverage", "violations", "Issue")


def test_an_empty_list_fails_closed(environment, tmp_path):
    (tmp_path / "threadline.toml").unlink()
    done = command(environment, tmp_path, "coverage")
    assert done.returncode == 2
    assert "summary:" in done.stdout, "what there is, is shown all the same"
    assert "list the tables that must be captured in coverage.expected_tables" in done.stderr


def test_expectations_can_be_given(environment, tmp_path):
    assert command(environment, tmp_path, "coverage", "--expect", "orders,public.lines").returncode == 0
    done = command(environment, tmp_path, "coverage", "--expect", "orders,nowhere.lines")
    assert done.returncode == 1
    assert "nowhere.lines" in done.stdout.splitlines()[1]


def test_coverage_as_json(environment, tmp_path, connection):
    connection.execute("drop trigger threadline_audit_orders on orders")
    done = command(environment, tmp_path, "coverage", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["summary"]["violations"] == 1
    first = document["tables"][0]
    assert (first["table"], first["status"], first["expected"]) == ("orders", "uncovered", True)
    assert first["findings"][0]["id"] == "table_uncovered"
    assert first["findings"][0]["severity"] == "P0"


def test_a_healthy_doctor_exits_0(environment, tmp_path):
    done = spawned(environment, tmp_path, "doctor", "--probe", "orders,scratch")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "summary: 0 findings: 0 P0, 0 P1, 0 P2" in done.stdout
    assert "probe of public.orders: captured" in done.stdout
    assert "probe of public.scratch: unproven (there is no row that could be touched)" in done.stdout


def test_the_doctor_says_what_to_do(environment, tmp_path, connection):
    connection.execute("drop index audit_changes_captured_at_idx")
    done = command(environment, tmp_path, "doctor")
    assert done.returncode == 1
    assert "P1 index_missing" in done.stdout
    create = 'CREATE INDEX CONCURRENTLY "audit_changes_captured_at_idx" ON "public"."audit_changes" USING btree'
    assert f'fix: {create} ("captured_at")' in done.stdout
    connection.execute(f'{create} ("captured_at")')
    assert command(environment, tmp_path, "doctor", "--json").returncode == 0


def test_the_doctor_says_loudly_what_it_did_not_read(environment, tmp_path):
    done = command(environment | {"THREADLINE_OPS_COVERAGE__SCAN_ROWS": "5"}, tmp_path, "doctor")
    assert done.returncode == 0, done.stderr
    assert "warning: only the newest 5 changes were scanned, back to 2" in done.stderr
    (path,) = (tmp_path / ".threadline/evidence").glob("*.json")
    assert json.loads(path.read_text())["figures"]["scanned"]["partial"] is True


def test_the_doctor_remembers_which_cluster_it_saw(environment, tmp_path):
    assert command(environment, tmp_path, "doctor").returncode == 0
    store = tmp_path / ".threadline/evidence"
    (path,) = store.glob("*.json")
    record = json.loads(path.read_text())
    record["database"]["system_identifier"] = "1"
    path.chmod(0o600)  # nobody but root could write it as it is stored
    path.write_text(json.dumps(record))
    done = command(environment, tmp_path, "doctor", "--json")
    assert done.returncode == 1
    assert [finding["id"] for finding in json.loads(done.stdout)["findings"]] == ["identity_changed"]


def test_without_audit_tables_it_is_an_error(environment, tmp_path, connection):
    connection.execute("drop table audit_changes")
    for name in ("coverage", "doctor"):
        done = command(environment, tmp_path, name)
        assert done.returncode == 2
        assert "run threadline-ops install" in done.stderr


def test_no_captured_value_and_no_secret_is_ever_shown(environment, tmp_path, connection):
    connection.execute(
        'update audit_changes set data_after = data_after || \'{"email": "honeytoken-31"}\''
        " where table_name = 'customers'; update audit_transactions set actor_ref = '\"honeytoken-31\"'"
    )
    for arguments in (("doctor",), ("doctor", "--json")):
        done = command(environment, tmp_path, *arguments)
        assert "clear_text" in done.stdout
        password = psycopg.conninfo.conninfo_to_dict(environment["THREADLINE_OPS_DSN"]).get("password")
        evidence = "".join(path.read_text() for path in (tmp_path / ".threadline/evidence").glob("*.json"))
        for text in (done.stdout, done.stderr, evidence):
            assert "honeytoken-31" not in text
            assert not password or str(password) not in text


def test_help_names_every_option(environment, tmp_path):
    shown = command(environment | {"COLUMNS": "120", "TERM": "dumb"}, tmp_path, "doctor", "--help").stdout
    assert "--probe" in shown
    assert "--json" in shown
