"""The five support questions have the same answers before and after a gated purge."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import awkward
from tests.archive import END, archive_settings, history, live, purged, written
from threadline_ops.archive.containment import containing
from threadline_ops.archive.query import Trail
from threadline_ops.database import opened
from threadline_ops.export import Filters
from threadline_ops.settings import Settings

ADA = {"type": "user", "id": "ada"}


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    history(connection)
    for n, (op, data) in enumerate(
        [("insert", {"v": 1.10}), ("update", {"v": 12345678901234567890.5}), ("delete", None)]
    ):
        awkward.add(
            connection, data=data, table="planes", op=op, pk={"id": 42 if n else "42"}, actor=ADA, correlation="corr-2",
            at=END - timedelta(days=3 - n), fields=["v"] if op == "update" else None, meta={"n": n}, source="app",
        )  # fmt: skip
    # Newer than the cutoff: stays live, of a transaction that loses its older half.
    connection.execute(
        "insert into audit_changes (transaction_id, table_schema, table_name, table_pk, op, data_after, captured_at)"
        " select transaction_id, table_schema, table_name, table_pk, 'insert', '{\"v\": 2}', now()"
        " from audit_changes where table_name = 'planes' and op = 'delete'"
    )
    return archive_settings(audited, tmp_path)


def answers(settings: Settings) -> dict[str, Any]:
    """Row history, actor window, correlation bundle, export parity, action to capture; and as-of."""
    with opened(settings, "test") as database:
        trail = Trail(settings, database)
        window = Filters(actor_ref=ADA, since=END - timedelta(days=2, hours=1), until=END)
        bundle = trail.timeline(Filters(correlation_id="corr-2"), limit=None)
        return {
            "row history": trail.history("planes", {"id": 42}),
            "a part of it": trail.history("planes", {"id": "42"}, limit=2),
            "actor window": trail.timeline(window, limit=None),
            "actor's transactions": trail.actor(Filters(actor_ref=ADA)),
            "correlation bundle": bundle,
            "newest": trail.timeline(Filters(), limit=5),
            "export": {kind: b"".join(trail.document(Filters(), kind, now=END)) for kind in ("csv", "json", "ndjson")},
            "action to capture": [trail.transaction(change.transaction_id) for change in bundle],
            "changes": [trail.change(change.id) for change in bundle],
            "as of": [
                replace(trail.as_of("planes", {"id": 42}, END - timedelta(hours=h)), source="", change=None)
                for h in (0, 24, 47, 49, 71)
            ],
        }


def test_the_answers_are_the_same_after_the_purge(settings: Settings, connection: psycopg.Connection):
    before = answers(settings)
    assert len(before["row history"]) == 4
    assert len(before["correlation bundle"]) == 4
    assert [state.status for state in before["as of"]] == ["deleted", "deleted", "present", "present", "present"]
    written(settings)
    assert answers(settings) == before, "what is in both places counts once"
    assert purged(settings).result.outcome == "complete"
    assert len(live(connection)) == 1
    after = answers(settings)
    for question, answer in before.items():
        assert after[question] == answer, question


@pytest.mark.parametrize(
    ("whole", "part", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": [1, 2, {"x": [3]}]}, {"a": [{"x": []}, 2]}, True),
        ([1, 2], 2, True),
        ([[1]], 1, False),
        ({"a": [1]}, {"a": 1}, False),
        ({"a": True}, {"a": 1}, False),
        ({"a": 1.0}, {"a": 1}, True),
        ({"a": None}, {"a": None}, True),
        ({}, {}, True),
        ([], {}, False),
    ],
)
def test_containment_is_the_servers(connection: psycopg.Connection, whole: Any, part: Any, expected: bool):
    sides = (json.dumps(whole), json.dumps(part))
    assert connection.execute("select %s::jsonb @> %s::jsonb", sides).fetchone() == (expected,)

    assert containing([sides[1]])(sides[0]) is expected
