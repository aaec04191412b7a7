"""Redacted values are nowhere in the audit tables, whatever happens to the table."""

import psycopg
import pytest

from tests.capture import capture, changes, last
from threadline_ops.errors import SettingsError

TOKEN = "honey7token"
#: A column type, and a value of it that holds the token in some form.
TYPES = {
    "text": f"'{TOKEN}'",
    "varchar(40)": f"'{TOKEN}'",
    "json": f"""'{{"deep": ["{TOKEN}"]}}'""",
    "jsonb": f"""'{{"{TOKEN}": 1}}'""",
    "text[]": f"array['{TOKEN}']",
    "text[][]": f"array[array['{TOKEN}']]",
    "bytea": f"'{TOKEN}'::bytea",
    "tsvector": f"'{TOKEN}'",
    "secret_domain": f"'{TOKEN}'",
    "secret_enum": f"'{TOKEN}'",
    "secret_pair": f"row(1, '{TOKEN}')",
    "secret_pair[]": f"array[row(1, '{TOKEN}')::secret_pair]",
    "secret_range": f"secret_range('{TOKEN}', null)",
    "name": f"'{TOKEN}'",
}


def leaks(connection: psycopg.Connection) -> list:
    hidden = TOKEN.encode().hex()
    return connection.execute(
        "select found from (select c::text from audit_changes as c"
        " union all select t::text from audit_transactions as t"
        " union all select a::text from audit_actions as a) as everything (found) where found ~ %s",
        (f"{TOKEN}|{hidden}",),
    ).fetchall()


@pytest.fixture
def types(connection):
    connection.execute(
        f"create domain secret_domain as text; create type secret_enum as enum ('{TOKEN}', 'other');"
        " create type secret_pair as (a int, b text); create type secret_range as range (subtype = text)"
    )
    return connection


@pytest.mark.parametrize("how", ["mask", "exclude"])
@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.backlog("redaction.json_masked_whole")
def test_a_honeytoken_of_every_type_never_shows(types, how, keyed):
    names = [f"c{number}" for number in range(len(TYPES))]
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, TYPES, strict=True))
    types.execute(f"create table t (id int {'primary key' if keyed else ''}, plain text, {columns})")
    capture(types, "t", store_changed_from=True, **{how: names})
    types.execute(f"insert into t values (1, 'x', {', '.join(TYPES.values())})")
    types.execute("update t set plain = 'y'")
    types.execute(f"update t set {', '.join(f'{name} = null' for name in names)}")
    types.execute(f"update t set ({', '.join(names)}) = row({', '.join(TYPES.values())})")
    if keyed:
        types.execute("update t set id = 2")
    types.execute("delete from t")
    types.execute(f"insert into t values (3, 'x', {', '.join(TYPES.values())})")
    types.execute("truncate t")
    assert leaks(types) == []
    assert len(changes(types)) == 9 if keyed else 7


def test_the_search_finds_the_token_of_every_type_where_nothing_is_redacted(types):
    for number, (kind, value) in enumerate(TYPES.items()):
        types.execute(f"create table t{number} (id int primary key, c {kind})")
        capture(types, f"t{number}")
        types.execute(f"insert into t{number} values (1, {value})")
        assert len(leaks(types)) == number + 1, kind


@pytest.mark.pooled
def test_masked_columns_keep_their_key_and_excluded_ones_vanish(host):
    host.execute("create table t (id int primary key, email text, ssn text, x int)")
    capture(
        host,
        "t",
        mask=["email"],
        exclude=["ssn"],
        mask_placeholder="it's \\ {hidden} %s",
        store_changed_from=True,
    )
    host.execute("insert into t values (1, 'a@b', '12', 1)")
    assert last(host)["after"] == {"id": 1, "email": "it's \\ {hidden} %s", "x": 1}
    host.execute("update t set email = 'c@d', ssn = '34'")
    assert (last(host)["fields"], last(host)["before"]) == (["email"], {"email": "it's \\ {hidden} %s"})
    host.execute("update t set ssn = '56'")
    assert (last(host)["fields"], last(host)["before"]) == (None, None)


@pytest.mark.parametrize("how", ["mask", "exclude"])
def test_a_renamed_column_stays_redacted_and_known_columns_stay_readable(connection, how):
    connection.execute("create table t (id int primary key, secret text, x text)")
    capture(connection, "t", store_changed_from=True, **{how: ["secret"]})
    connection.execute("alter table t rename secret to renamed")
    connection.execute(f"insert into t values (1, '{TOKEN}', 'plain')")
    connection.execute("update t set renamed = 'other', x = 'y'")
    connection.execute("delete from t")
    assert leaks(connection) == []
    assert changes(connection)[0]["after"] == {"id": 1, "renamed": "[REDACTED]", "x": "plain"}
    assert changes(connection)[1]["before"] == {"renamed": "[REDACTED]", "x": "plain"}


def test_a_dropped_redacted_column_hides_nothing_else(connection):
    connection.execute("create table t (id int primary key, secret text, x text)")
    capture(connection, "t", mask=["secret"])
    connection.execute("alter table t drop secret")
    connection.execute("insert into t values (1, 'plain')")
    assert last(connection)["after"] == {"id": 1, "x": "plain"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mask": ["emial"]}, "no such column for mask .*did you mean 'email'"),
        ({"exclude": ["nope"]}, "no such column for exclude"),
        ({"except_columns": ["nope"]}, "no such column for except_columns"),
        ({"key": ["nope"]}, "no such column for key"),
        ({"mask": ["id"]}, "primary key cannot be redacted"),
        ({"exclude": ["id"]}, "primary key cannot be redacted"),
        ({"mask": ["email"]}, "generated column 'handle' would show"),
    ],
)
def test_settings_that_would_leak_are_refused(connection, settings, message):
    connection.execute(
        "create table t (id int primary key, email text, handle text generated always as (lower(email)) stored)"
    )
    with pytest.raises(SettingsError, match=message):
        capture(connection, "t", **settings)
    assert connection.execute("select count(*) from pg_trigger where tgname ~ '^threadline'").fetchone() == (0,)


def test_a_unique_key_that_is_redacted_is_not_used(connection):
    connection.execute("create table t (email text not null unique, n int not null unique)")
    capture(connection, "t", mask=["email"])
    connection.execute(f"insert into t values ('{TOKEN}', 1)")
    assert last(connection)["pk"] == {"n": "1"}
    assert leaks(connection) == []
