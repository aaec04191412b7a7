"""The reads that answer a support question."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from tests.audit import settings_for
from tests.awkward import add
from threadline_ops import investigate
from threadline_ops.cli import app
from threadline_ops.database import opened
from threadline_ops.errors import FilterError
from threadline_ops.export import Filters
from threadline_ops.settings import Settings

pytestmark = pytest.mark.pooled

T = datetime(2026, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def db(audited: str):
    with opened(Settings(dsn=SecretStr(audited)), "tests") as database:
        yield database


@pytest.mark.parametrize("recorded", [{"id": "42"}, {"id": 42}])
@pytest.mark.parametrize("asked", [{"id": "42"}, {"id": 42}])
def test_a_key_matches_as_text_and_as_number(db, connection, recorded, asked):
    wanted = add(connection, data={"v": 1}, pk=recorded)
    add(connection, data={"v": 2}, pk={"id": "421"})
    add(connection, data={"v": 2}, pk={"id": "42"}, table="others")
    assert [change.id for change in investigate.history(db, "flights", asked)] == [wanted]


def test_composite_keys_and_parts_of_them(db, connection):
    first = add(connection, data={}, pk={"carrier": "LH", "flight": 7}, at=T)
    second = add(connection, data={}, pk={"carrier": "LH", "flight": "8"}, at=T + HOUR)
    assert [c.id for c in investigate.history(db, "flights", {"carrier": "LH", "flight": "7"})] == [first]
    assert [c.id for c in investigate.history(db, "flights", {"carrier": "LH"})] == [second, first]
    assert investigate.history(db, "flights", {"carrier": "LH"}, schema="other") == []


def test_keys_are_read_from_words():
    assert investigate.parse_key(["42"]) == {"id": "42"}
    assert investigate.parse_key(["a=1", "b=x=y"]) == {"a": "1", "b": "x=y"}
    for words in ([], ["1", "2"], ["=1"], ["a=1", "a=2"]):
        with pytest.raises(FilterError):
            investigate.parse_key(words)
    assert investigate.key_variants({"id": "042"}) == ['{"id":"042"}'], "no number is written so"


class Remembered:
    name = "archive"

    def row_at(self, table, keys, at, *, schema):
        return ({"v": "old"}, T - 5 * HOUR) if at >= T - 5 * HOUR and '{"id":"1"}' in keys else None


def test_as_of_tells_present_deleted_purged_and_before(db, connection):
    add(connection, data={"v": 1}, op="insert", at=T)
    add(connection, data=None, at=T + 2 * HOUR)
    key = {"id": 1}
    present = investigate.as_of(db, "flights", key, T + HOUR)
    assert (present.status, present.row, present.since) == ("present", {"v": 1}, T)
    assert investigate.as_of(db, "flights", key, T).status == "present", "inclusive"
    assert investigate.as_of(db, "flights", key, T + 3 * HOUR).status == "deleted"
    early = investigate.as_of(db, "flights", key, T - HOUR)
    assert (early.status, early.horizon) == ("before_horizon", T)
    purged = investigate.as_of(db, "flights", key, T - HOUR, purged_before=T - HOUR / 2)
    assert purged.status == "purged"
    archived = investigate.as_of(db, "flights", key, T - HOUR, earlier=[Remembered()], purged_before=T)
    assert (archived.status, archived.row, archived.source) == ("present", {"v": "old"}, "archive")
    with pytest.raises(FilterError):
        investigate.as_of(db, "flights", key, datetime(2026, 1, 1))


def test_purges_are_known_from_evidence(db, tmp_path):
    identity = db.identity()
    record = {
        "mode": "execute",
        "database": {"system_identifier": identity.system_identifier, "database": identity.database},
        "parameters": {"cutoff": T.isoformat()},
        "figures": {"deleted_changes": 5},
    }
    (tmp_path / "a.json").write_text(json.dumps(record))
    (tmp_path / "b.json").write_text(
        json.dumps(record | {"mode": "dry_run", "parameters": {"cutoff": "2099-01-01T00Z"}})
    )
    where = {"system_identifier": identity.system_identifier, "database": identity.database}
    assert investigate.purged_before(tmp_path, **where) == T
    assert investigate.purged_before(tmp_path, **(where | {"database": "x"})) is None
    assert investigate.purged_before(tmp_path / "absent", **where) is None


def test_the_diff_of_each_kind_of_change(db, connection):
    def diff(**change):
        expand = change.pop("expand", False)
        found = investigate.change(db, add(connection, **change))
        return investigate.diff(found, expand_insert=expand).plain()

    assert diff(data={"a": 1}, op="insert") == {
        "schema_version": 1, "op": "insert", "before_values": "none", "fields": [],
    }  # fmt: skip
    assert diff(data={"b": 1, "a": 2}, op="insert", expand=True)["fields"] == [
        {"name": "a", "after": 2}, {"name": "b", "after": 1},
    ]  # fmt: skip
    assert diff(data={"a": 1, "b": None}, fields=["b", "a"])["fields"] == [
        {"name": "a", "after": 1}, {"name": "b", "after": None},
    ]  # fmt: skip
    sparse = diff(data={"a": 1, "b": 2}, fields=["a", "b"], before={"a": None})
    assert sparse["before_values"] == "sparse"
    assert sparse["fields"] == [
        {"name": "a", "after": 1, "before": None}, {"name": "b", "after": 2, "prior_state": "omitted"},
    ]  # fmt: skip
    assert diff(data=None)["fields"] == []


def test_timeline_actor_and_transaction(db, connection):
    ada = {"type": "user", "id": "ada"}
    first = add(connection, data={"exact": 1}, actor=ada, correlation="c-1", at=T)
    second = add(connection, data={}, actor=ada, table="planes", at=T + HOUR)
    add(connection, data={}, actor={"type": "user", "id": "bob"}, at=T)
    assert [c.id for c in investigate.timeline(db, Filters(actor_ref=ada))] == [second, first]
    assert [c.id for c in investigate.timeline(db, Filters(correlation_id="c-1"))] == [first]
    found = investigate.actor(db, Filters(actor_ref=ada))
    assert [(t.action_name, t.correlation_id, t.changes) for t in found] == [(None, None, 1), ("flight.move", "c-1", 1)]
    detail = investigate.transaction(db, found[1].id)
    assert detail is not None
    assert [change.id for change in detail.changes] == [first]
    assert investigate.transaction(db, "00000000-0000-0000-0000-000000000000") is None
    with pytest.raises(FilterError):
        investigate.transaction(db, "seven")
    frame = investigate.frame(investigate.timeline(db, Filters()))
    assert len(frame) == 3
    assert str(frame["captured_at"].dtype) == "datetime64[us, UTC]"
    assert investigate.frame([]).empty


def test_numbers_that_a_float_would_round_stay_exact(db, connection):
    change = add(connection, data={})
    connection.execute(
        'update audit_changes set data_after = \'{"n": 0.1234567890123456789, "f": 1.5}\' where id = %s', (change,)
    )
    found = investigate.change(db, change)
    assert found is not None
    assert found.data_after == {"n": Decimal("0.1234567890123456789"), "f": 1.5}


def test_the_commands(settings_env, connection):
    change = add(connection, data={"v": "[bold]x"}, actor={"type": "user", "id": "ada"}, fields=["v"], at=T)
    transaction = str(connection.execute("select transaction_id from audit_changes").fetchone()[0])
    for words, part in (
        (["timeline", "--table", "flights"], str(change)),
        (["history", "public.flights", "1"], "update"),
        (["actor", "user:ada"], transaction),
        (["transaction", transaction], "ada"),
        (["as-of", "flights", "1", "--at", "2026-06-01T00:00:00Z"], "[bold]x"),
        (["diff", str(change)], "[bold]x"),
    ):
        done = CliRunner().invoke(app, words, env={"COLUMNS": "400"})
        assert done.exit_code == 0, done.output
        assert part in done.stdout
        machine = CliRunner().invoke(app, [*words, "--json"])
        assert json.loads(machine.stdout)
    assert CliRunner().invoke(app, ["as-of", "flights", "1", "--at", "2020-01-01T00:00:00Z"]).exit_code == 1
    assert CliRunner().invoke(app, ["diff", transaction]).exit_code == 1


@pytest.fixture
def settings_env(audited: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = settings_for(audited, tmp_path / "evidence")
    monkeypatch.setenv("THREADLINE_OPS_DSN", settings.dsn.get_secret_value())
