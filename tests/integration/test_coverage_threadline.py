"""A database that Threadline 0.2 installed is covered; what is known to be wrong with it is said, not guessed."""

from __future__ import annotations

from collections import Counter

import psycopg
import pytest
from pydantic import SecretStr

from tests import threadline_install
from tests.audited_world import diagnose, write
from threadline_ops.coverage import Status
from threadline_ops.sections import CaptureSettings, CaptureTable, CoverageSettings
from threadline_ops.settings import Settings

pytestmark = pytest.mark.pooled

PEOPLE = CaptureTable(
    mask=("email",), exclude=("it's",), store_changed_from=True, except_columns=("touched",), truncate="ignore"
)
#: Not what coverage calls broken, yet what every such install has to live with.
KNOWN = {"search_path_unpinned", "function_invoker"}


def settings_of(dsn: str, people: CaptureTable = PEOPLE) -> Settings:
    plain = CaptureTable(truncate="ignore")
    return Settings(
        dsn=SecretStr(dsn),
        coverage=CoverageSettings(expected_tables=("orders", "people")),
        capture=CaptureSettings(tables={"orders": plain, "people": people}),
    )


@pytest.fixture
def threadline(audited: str, connection: psycopg.Connection) -> str:
    connection.execute(
        """create table orders (id bigint primary key, note text);
        create table people (id bigint primary key, email text, "it's" text, touched timestamptz, name text)"""
    )
    connection.execute(threadline_install.function("threadline_capture_changes"))
    connection.execute(
        threadline_install.function(
            "threadline_capture_changes_people",
            mask=PEOPLE.mask,
            exclude=PEOPLE.exclude,
            except_columns=PEOPLE.except_columns,
            before_values=True,
        )
    )
    connection.execute("alter function threadline_capture_changes() security invoker reset all")
    connection.execute("grant execute on function threadline_capture_changes() to public")
    connection.execute(threadline_install.trigger("orders"))
    connection.execute(threadline_install.trigger("people", "threadline_capture_changes_people"))
    write(
        audited,
        "insert into orders values (1, 'a'), (2, 'b')",
        "update orders set note = 'c'",
        "delete from orders where id = 2",
        """insert into people (id, email, "it's", name) values (1, 'a@example.test', 'x', 'Ada')""",
        "update people set email = 'b@example.test', name = 'Eve'",
    )
    return audited


def test_its_tables_are_covered_and_its_known_hazards_reported(threadline: str):
    diagnosis = diagnose(settings_of(threadline))
    assert [row.status for row in diagnosis.inventory.tables] == [Status.COVERED, Status.COVERED]
    found = Counter(finding.id for finding in diagnosis.findings)
    assert found == dict.fromkeys(KNOWN, 2), "once for each of the two functions"


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        (PEOPLE.model_copy(update={"mask": ()}), "redaction_drift"),
        (PEOPLE.model_copy(update={"mask": ("email", "name")}), "redaction_drift"),
        (PEOPLE.model_copy(update={"exclude": ()}), "redaction_drift"),
        (PEOPLE.model_copy(update={"mask_placeholder": "***"}), "redaction_drift"),
        (PEOPLE.model_copy(update={"store_changed_from": False}), "before_values_drift"),
        (PEOPLE.model_copy(update={"except_columns": ()}), "before_values_drift"),
    ],
)
def test_its_redaction_is_read_from_its_functions(threadline: str, people: CaptureTable, expected: str):
    diagnosis = diagnose(settings_of(threadline, people))
    found = {finding.id for finding in diagnosis.inventory.all_findings}
    assert found == {*KNOWN, expected}


def test_a_table_without_an_id_is_not_recorded_by_it(threadline: str, connection: psycopg.Connection):
    connection.execute("create table pairs (a int, b int, primary key (a, b))")
    connection.execute(threadline_install.trigger("pairs"))
    write(threadline, "insert into pairs values (1, 2)")
    found = {finding.id for finding in diagnose(settings_of(threadline)).findings if "pairs" in finding.subject}
    assert found == {"key_not_recorded", "key_null", "truncate_uncaptured"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return new;", "return new; -- nothing"),
        ("owner_id", "whose"),
        ("identity", "pk"),
        ("to_jsonb(new)", "(to_jsonb( NEW ))"),
        ("elsif tg_op = 'UPDATE'", "elsif 'UPDATE' = 'UPDATE' and tg_op = 'UPDATE'"),
    ],
)
def test_layout_does_not_matter_and_anything_unknown_is_unknown(
    threadline: str, connection: psycopg.Connection, old: str, new: str
):
    changed = threadline_install.function("threadline_capture_changes").as_string(connection).replace(old, new)
    connection.execute(changed)
    found = {finding.id for finding in diagnose(settings_of(threadline)).inventory.all_findings}
    assert ("function_altered" in found) == ("'UPDATE' = " in new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("txid_current()", "1"),
        ("lower(tg_op)", "'update'"),
        ("identity := jsonb_build_object('id', to_jsonb(old) ->> 'id')", "identity := '{}'"),
        ("image := to_jsonb(new)", "image := to_jsonb(new) - 'note' || jsonb_build_object('note', 1)"),
        ("tg_table_name", "'people'"),
        ("do nothing", "do update set txid = 0"),
        ("now_.value is distinct from was.value", "now_.value = was.value"),
        ("return new;", "if tg_table_name = 'orders' then return new; end if; return new;"),
        ("insert into audit_changes", "insert into audit_elsewhere"),
        ("if tg_op = 'INSERT' then", "if tg_op = 'INSERT' then return new;"),
        ("owner_id uuid;", "owner_id uuid; new jsonb;"),
        ("(to_jsonb(new)) as now_", "('{}') as now_"),
    ],
)
def test_a_changed_meaning_is_never_taken_for_threadlines(
    threadline: str, connection: psycopg.Connection, old: str, new: str
):
    there = threadline_install.function("threadline_capture_changes").as_string(connection)
    assert old in there
    connection.execute("set check_function_bodies = off")
    connection.execute(there.replace(old, new))
    rows = {str(row.table): row for row in diagnose(settings_of(threadline)).inventory.tables}
    assert [finding.id for finding in rows["public.orders"].findings] == ["function_altered"]


def test_functions_of_an_install_before_actors_are_known(threadline: str, connection: psycopg.Connection):
    text = threadline_install.function("threadline_capture_changes").as_string(connection)
    text = text.replace(", actor_ref", "").replace(f" {threadline_install.ACTOR},", "")
    connection.execute(text)
    rows = {str(row.table): row for row in diagnose(settings_of(threadline)).inventory.tables}
    assert [finding.id for finding in rows["public.orders"].findings] == ["actor_not_recorded"]


def test_a_table_without_any_key_says_so(threadline: str, connection: psycopg.Connection):
    connection.execute("create table keyless (a int); insert into keyless values (1)")
    from tests.audited_world import capture

    settings = settings_of(threadline)
    capture(threadline, settings, ("keyless",))
    rows = {str(row.table): row for row in diagnose(settings).inventory.tables}
    assert [finding.id for finding in rows["public.keyless"].findings] == ["table_without_key"]
