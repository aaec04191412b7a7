"""Kill -9 at every step of archive_then_purge: live and archived rows together are always the original ones.

The steps are enumerated, not sampled: a run to the end counts those that change rows or archive, and then each one is the
last of a run of its own. EVERY_STEP=1 counts what changes neither rows nor archive, too.
"""

from pathlib import Path

import psycopg
import pytest

from tests.archive import archive_settings, history, live, originally, shown
from tests.archive_zygote import zygote
from tests.servers import TestServer, template_database
from threadline_ops.capture.install import install
from threadline_ops.database import opened
from threadline_ops.settings import Settings

#: Tests that share the steps out, so that workers of the test run can; together, in the thorough extent, they take all.
PARTS = 12


def build(dsn: str) -> None:
    with opened(Settings(dsn=dsn), "test") as database:
        install(database)
    with psycopg.connect(dsn, autocommit=True) as connection:
        history(connection, days=1, transactions=2)


def alone(connection: psycopg.Connection) -> None:
    """Until the server noticed that the killed client has gone; ten seconds at most."""
    for _ in range(2000):
        row = connection.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            " and backend_type = 'client backend'"
        ).fetchone()
        if row == (0,):
            return
        connection.execute("select pg_sleep(0.005)")
    raise AssertionError("somebody stays")


@pytest.mark.parametrize("part", [0, *(pytest.param(n, marks=pytest.mark.thorough) for n in range(1, PARTS))])
def test_at_every_step(server: TestServer, tmp_path: Path, part: int):
    with template_database(server, "killed", build) as template, zygote() as run:
        with server.clone(template) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
            original = originally(live(connection))
            status, taken = run(dsn, tmp_path / "whole", 0)
            assert status == 0
            assert shown(archive_settings(dsn, tmp_path / "whole")) == original
        for fatal in range(1 + part, int(taken) + 1, PARTS):
            place = tmp_path / str(fatal)
            with server.clone(template) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
                status, _ = run(dsn, place, fatal)
                assert status == -9, f"step {fatal} was not reached"
                alone(connection)
                assert shown(archive_settings(dsn, place)) == original, f"killed at step {fatal}"
                status, _ = run(dsn, place, 0)
                assert status == 0, f"the second run after step {fatal}"
                assert not live(connection)
                assert shown(archive_settings(dsn, place)) == original, f"finished after step {fatal}"
