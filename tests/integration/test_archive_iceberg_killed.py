"""Kill -9 at every step of publishing: the Iceberg table never lacks a row, and the next run makes it what it should be."""

from pathlib import Path

import psycopg
import pytest

from tests import iceberg
from tests.archive import archive_settings, live, purged, written
from tests.archive_zygote import zygote
from tests.integration.test_archive_killed import alone, build
from tests.servers import TestServer, template_database
from threadline_ops.archive import run_verify
from threadline_ops.settings import Settings

pytestmark = pytest.mark.thorough

#: Tests that share the steps out, so that workers of the test run can.
PARTS = 4


def torn(settings: Settings, connection: psycopg.Connection) -> dict[str, tuple]:
    """A day of which a part was purged and the rest wants another version, so that a run has all to do; what it holds."""
    written(settings)
    before = live(connection)
    assert purged(settings, max_batches=1).result.outcome == "capped"
    last = max(live(connection).values(), key=lambda row: row[5])
    connection.execute("update audit_changes set data_after = '{\"v\": 2}' where id = %s", (last[0],))
    assert purged(settings).result.outcome == "differs"
    return before | {last[0]: (*last[:7], '{"v": 2}', *last[8:])}


@pytest.mark.parametrize("part", range(PARTS))
def test_at_every_step(server: TestServer, tmp_path: Path, part: int):
    with template_database(server, "killed", build) as template, zygote(ICEBERG="1") as run:
        fatal = 0
        steps = 0
        while fatal <= steps:
            place = tmp_path / str(fatal)
            with server.clone(template) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
                settings = archive_settings(dsn, place, archive={"slice_rows": 3, "format": "iceberg"})
                expected = torn(settings, connection)
                status, taken = run(dsn, place, fatal)
                if fatal:
                    assert status == -9, f"step {fatal} was not reached"
                    alone(connection)
                    assert iceberg.rows(settings).keys() == expected.keys(), f"killed at step {fatal}"
                    assert {p.kind for p in run_verify(settings).problems} <= {"iceberg"}
                    assert run(dsn, place, 0)[0] == 0, f"the second run after step {fatal}"
                else:
                    steps = int(taken)
                    assert (status, steps > 10) == (0, True)
                assert not live(connection)
                assert iceberg.rows(settings) == expected, f"finished after step {fatal}"
                assert not run_verify(settings).problems
            fatal += PARTS if fatal else 1 + part
