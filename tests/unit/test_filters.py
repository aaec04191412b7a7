"""One set of filters, checked once."""

from datetime import UTC, datetime, timedelta

import pytest

from threadline_ops.errors import FilterError
from threadline_ops.export import Filters

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"tabel": "x"}, "table, actor_ref, from, to, correlation_id"),
        ({"from": "2026-01-01T00:00:00"}, "no time zone"),
        ({"to": "yesterday"}, "ISO 8601"),
        ({"from": NOW, "to": NOW - timedelta(seconds=1)}, "from lies after to"),
        ({"correlation_id": "x" * 257}, "longer than 256 bytes"),
        ({"correlation_id": "ü" * 129}, "258 bytes"),
        ({"correlation_id": "  "}, "not blank"),
        ({"correlation_id": None}, "must be text"),
        ({"correlation_id": 7}, "must be text"),
        ({"actor_ref": {"type": "robot", "id": "1"}}, "no actor"),
        ({"actor_ref": {"type": "user"}}, "no actor"),
        ({"actor_ref": {"type": "user", "id": 7}}, "no actor"),
        ({"actor_ref": "user"}, "no actor"),
        ({"actor_ref": "[1]"}, "no actor"),
        ({"table": ""}, "must be a name"),
    ],
)
def test_what_is_refused(values, part):
    with pytest.raises(FilterError) as caught:
        Filters.parse(values)
    assert part in str(caught.value)


def test_what_is_accepted():
    filters = Filters.parse(
        {
            "table": "flights",
            "actor_ref": "user:4:2",
            "from": "2026-06-01T00:00:00Z",
            "to": NOW,
            "correlation_id": " c ",
        }
    )
    assert filters.actor_ref == {"type": "user", "id": "4:2"}
    assert filters.correlation_id == "c"
    assert filters.since == filters.until == NOW
    assert Filters.parse(filters.plain()) == filters
    assert Filters.parse({"actor_ref": '{"type": "anonymous"}'}).actor_ref == {"type": "anonymous"}
    assert Filters.parse({"correlation_id": "x" * 256}).correlation_id == "x" * 256
    assert not Filters().narrow
