import pytest

from threadline_ops.capture import names
from threadline_ops.capture.names import Table
from threadline_ops.errors import SettingsError
from threadline_ops.sections import CaptureTable


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("orders", Table("public", "orders")),
        (" Sales.Orders ", Table("Sales", "Orders")),
        ('"my.schema".orders', Table("my.schema", "orders")),
        ('"a""b"."c,d"', Table('a"b', "c,d")),
        ('"a.b"', Table("public", "a.b")),
    ],
)
def test_a_table_is_read_and_written_alike(text, table):
    assert names.parse(text, "public") == table
    assert names.parse(str(table), "other") == table


@pytest.mark.parametrize("text", ["", ".", "a.b.c", 'a"b', '"a', "a.", ".a", '""'])
def test_what_is_no_name(text):
    with pytest.raises(SettingsError):
        names.parse(text, "public")


def test_lists_of_names():
    assert names.split('a, b.c ,"d,e".f,') == ["a", "b.c", '"d,e".f']


def test_function_names_fit_and_differ():
    short = names.function_name(Table("public", "x" * 36), "public")
    assert short == "threadline_capture_changes_" + "x" * 36
    assert len(short.encode()) == 63
    long = [names.function_name(Table("public", "x" * 36 + end), "public") for end in "ab"]
    assert len(set(long)) == 2
    assert all(len(name.encode()) <= 63 for name in long)
    assert len(names.function_name(Table("public", "é" * 31), "public").encode()) <= 63
    assert names.function_name(Table("other", "t"), "public") != names.function_name(Table("public", "t"), "public")
    assert names.function_name(Table("audit", "t"), "audit") == "threadline_capture_changes_t"


def test_trigger_names_are_cut_between_characters():
    assert names.trigger_name(Table("public", "é" * 31)) == "threadline_audit_" + "é" * 23


@pytest.mark.parametrize(
    "settings",
    [
        {"exclude": ["a"], "mask": ["a"]},
        {"key": ["a"], "mask": ["a"]},
        {"mask_placeholder": ""},
        {"mask_placeholder": "x" * 201},
        {"mask_placeholder": "a\nb"},
        {"truncate": "sometimes"},
    ],
)
def test_settings_that_contradict_themselves(settings):
    with pytest.raises(ValueError, match="validation error"):
        CaptureTable(**settings)
