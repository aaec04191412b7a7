"""A standby, made of a cleanly stopped server's own files, must be recognised before anything is tried."""

from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from tests.audit import NOW, add_transaction, settings_for
from threadline_ops import embedded
from threadline_ops.capture.install import install
from threadline_ops.database import opened
from threadline_ops.errors import UnsafeDatabase
from threadline_ops.retention import PurgeRequest, run_purge
from threadline_ops.settings import Settings


def test_a_purge_of_a_standby_is_refused_and_a_dry_run_is_not(tmp_path: Path):
    home = tmp_path / "server"
    with embedded.running(home) as server, opened(Settings(dsn=SecretStr(server.dsn())), "tests") as database:
        install(database)
        add_transaction(database.connection, [NOW])
    (home / "data" / "standby.signal").touch()
    with embedded.running(home) as server:
        settings = settings_for(server.dsn(), tmp_path / "evidence")
        with pytest.raises(UnsafeDatabase, match="read-only replica"):
            run_purge(settings, PurgeRequest(execute=True))
        seen = run_purge(settings, PurgeRequest()).preview
        assert seen is not None
        assert seen.expired_changes + seen.kept_changes == 1
        with psycopg.connect(server.dsn()) as connection:
            assert connection.execute("select count(*) from audit_changes").fetchone() == (1,)
