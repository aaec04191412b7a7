"""Parts of continuity that need no database."""

from __future__ import annotations

import numpy as np
import pytest

from threadline_ops.capture.definition import row_function
from threadline_ops.continuity.redaction import Redaction, combined, deployed
from threadline_ops.continuity.snapshot import Snapshot
from threadline_ops.continuity.store import component
from threadline_ops.settings import CaptureTable

NASTY = ("it's", 'a "quote"', "back\\slash", "comma, brace}", "plain", "null", "é")


def body(settings: CaptureTable) -> str:
    return row_function("f", ("id",), settings, "public").body


@pytest.mark.parametrize(
    ("exclude", "mask", "placeholder"),
    [
        ((), (), "[REDACTED]"),
        (("secret",), (), "[REDACTED]"),
        ((), ("email",), "it's \\ gone"),
        (NASTY[:4], NASTY[4:], "***"),
        (NASTY[4:], NASTY[:4], '{"not": "json"}'),
    ],
)
def test_the_deployed_redaction_is_read_back(exclude, mask, placeholder):
    settings = CaptureTable(exclude=exclude, mask=mask, mask_placeholder=placeholder, store_changed_from=True)
    assert deployed(body(settings)) == Redaction(
        tuple(sorted(exclude)), tuple(sorted((name, placeholder) for name in mask))
    )


def test_except_columns_are_not_redaction():
    assert deployed(body(CaptureTable(except_columns=("updated_at",)))) == Redaction()


THREADLINE = """
  IF TG_OP = 'DELETE' THEN
    v_data_after     := NULL;
  ELSIF TG_OP = 'INSERT' THEN
    v_data_after     := to_jsonb(NEW);
    v_data_after := v_data_after - 'secret';
    v_data_after := v_data_after - 'o''clock';
    v_data_after := v_data_after || jsonb_build_object('email', to_jsonb('[X]'::text), 'fax', to_jsonb('[X]'::text));
"""


def test_threadlines_form_is_read_too():
    assert deployed(THREADLINE) == Redaction(("o'clock", "secret"), (("email", "[X]"), ("fax", "[X]")))


def test_an_unknown_form_is_not_taken_for_one_without_redaction():
    assert deployed("begin insert into audit_changes select 1; return null; end") is None


def test_what_any_source_hides_is_hidden():
    union = combined((Redaction(("a",), (("b", "x"),)), Redaction(("b",), (("c", "y"),))))
    assert union == Redaction(("a", "b"), (("c", "y"),))
    assert union.left_out == ("a", "b", "c")


@pytest.mark.parametrize("text", ["5:5:", "5:9:5,7", "1:4294967299:2"])
def test_a_snapshot_reads_as_it_was_written(text):
    assert str(Snapshot.parse(text)) == text


def test_a_snapshot_sees_what_had_committed():
    snapshot = Snapshot(10, 20, (12, 15))
    assert [txid for txid in range(8, 23) if not snapshot.sees(txid)] == [12, 15, 20, 21, 22]
    txids = np.arange(8, 23, dtype=np.int64)
    assert [bool(x) for x in snapshot.unseen(txids)] == [not snapshot.sees(int(txid)) for txid in txids]


@pytest.mark.parametrize("name", ["plain", "a/b", "..", ".", "a.b", "é ü", "%2E", 'quo"te'])
def test_any_name_is_one_component_of_a_path_and_its_own(name):
    made = component(name)
    assert "/" not in made
    assert made not in {".", ".."}
    assert component("x" + name) != made
