"""Parts of continuity that need no database."""

from __future__ import annotations

import numpy as np
import pytest

from threadline_ops.continuity.redaction import Redaction, combined
from threadline_ops.continuity.snapshot import Snapshot
from threadline_ops.continuity.store import component


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
