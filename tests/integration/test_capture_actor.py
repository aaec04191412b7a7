"""The actor reaches the captured transaction, and nothing of it outlives that transaction."""

import secrets

import psycopg
import pytest
import sqlalchemy
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from tests.capture import capture, changes, last, of
from threadline_ops.capture.actor import acting, attribute, record_action
from threadline_ops.capture.context import Actor, Request, attributed, current_request
from threadline_ops.capture.install import install
from threadline_ops.errors import SettingsError

pytestmark = pytest.mark.pooled

ADA = Actor("user", "ada")
JOB = Actor("job", "nightly")


@pytest.fixture
def orders(connection):
    connection.execute("create table orders (id int primary key)")
    capture(connection, "orders")
    return connection


@pytest.fixture
def engine(audited):
    parts = conninfo_to_dict(audited)
    url = sqlalchemy.URL.create(
        "postgresql+psycopg", parts["user"], parts["password"], parts["host"], int(parts["port"]), parts["dbname"]
    )
    made = sqlalchemy.create_engine(url)
    yield made
    made.dispose()


@pytest.mark.backlog("actor.set_in_the_writes_transaction")
def test_changes_within_are_attributed_and_later_ones_are_not(orders):
    with acting(orders, ADA):
        orders.execute("insert into orders values (1)")
    orders.execute("insert into orders values (2)")
    assert [change["actor"] for change in changes(orders)] == [{"type": "user", "id": "ada"}, None]
    assert orders.execute("select nullif(current_setting('threadline.actor_ref', true), '')").fetchone() == (None,)


def test_inside_an_open_transaction_the_former_actor_comes_back(orders):
    with acting(orders, ADA):
        with acting(orders, JOB):
            pass
        orders.execute("insert into orders values (1)")
    assert last(orders)["actor"] == {"type": "user", "id": "ada"}


def test_an_exception_rolls_back_writes_and_actor(orders):
    def fail_after_writing() -> None:
        with acting(orders, ADA):
            orders.execute("insert into orders values (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_writing()
    assert changes(orders) == []
    orders.execute("insert into orders values (2)")
    assert last(orders)["actor"] is None


def test_any_row_factory_will_do(orders, audited):
    with psycopg.connect(audited, row_factory=dict_row) as other, acting(other, ADA):
        other.execute("insert into orders values (1)")
        record_action(other, "order.placed")
    assert last(orders)["actor"] == {"type": "user", "id": "ada"}


def test_sqlalchemy_transactions_carry_the_current_actor(orders, engine):
    listener = attribute(engine)
    with attributed(ADA), engine.begin() as connection:
        connection.execute(sqlalchemy.text("insert into orders values (1)"))
        record_action(connection, "order.placed")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("insert into orders values (2)"))
    sqlalchemy.event.remove(engine, "begin", listener)
    with attributed(ADA), engine.begin() as connection:
        connection.execute(sqlalchemy.text("insert into orders values (3)"))
    assert [change["actor"] for change in changes(orders)] == [{"type": "user", "id": "ada"}, None, None]
    assert [change["action_id"] is not None for change in changes(orders)] == [True, False, False]


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.backlog("actor.actions_recorded")
def test_an_action_is_linked_to_its_transaction_before_or_after_the_writes(orders, order):
    token = current_request.set(Request("req-1", "corr-1"))
    try:
        with acting(orders, ADA):
            if order == "after":
                orders.execute("insert into orders values (1)")
            action = record_action(orders, "order.placed", reason="it's {new} %s", job_id="j1")
            if order == "before":
                orders.execute("insert into orders values (1)")
    finally:
        current_request.reset(token)
    assert last(orders)["action_id"] == action
    row = orders.execute(
        "select name, actor_ref, status, reason, correlation_id, request_id, job_id from audit_actions where id = %s",
        (action,),
    ).fetchone()
    assert row == ("order.placed", {"type": "user", "id": "ada"}, "ok", "it's {new} %s", "corr-1", "req-1", "j1")
    assert orders.execute("select count(*) from audit_transactions").fetchone() == (1,)


def test_an_action_may_name_its_own_actor_and_needs_one(orders):
    with orders.transaction():
        record_action(orders, "cleanup", actor=JOB, status="error", correlation_id="given")
    assert orders.execute("select actor_ref, status, correlation_id from audit_actions").fetchone() == (
        {"type": "job", "id": "nightly"},
        "error",
        "given",
    )
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="needs a valid actor"), orders.transaction():
        record_action(orders, "cleanup")


def test_an_action_outside_a_transaction_is_refused(orders):
    with pytest.raises(SettingsError, match="needs the transaction"):
        record_action(orders, "order.placed", actor=ADA)


def test_application_roles_may_record_actions_and_nothing_else(orders):
    name = f"app_{secrets.token_hex(4)}"
    role = sql.Identifier(name)
    orders.execute(sql.SQL("create role {}").format(role))
    try:
        install(of(orders), [name])
        orders.execute(sql.SQL("grant insert on orders to {}").format(role))
        orders.execute(sql.SQL("set role {}").format(role))
        with acting(orders, ADA):
            orders.execute("insert into orders values (1)")
            record_action(orders, "order.placed")
        for statement in (
            "select from audit_actions",
            "delete from audit_changes",
            "insert into audit_actions default values",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                orders.execute(statement)
        orders.execute("reset role")
        assert last(orders)["action_id"] is not None
    finally:
        orders.execute("reset role")
        orders.execute(sql.SQL("drop owned by {0} cascade").format(role))
        orders.execute(sql.SQL("drop role {0}").format(role))
