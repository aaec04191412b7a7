"""A cluster that is really another one: restored from a dump, or copied as files and promoted."""

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from tests import clusters
from tests.archive import END, archive_settings, history, live, originally, purged, shown, written
from tests.audit import dsn_of
from threadline_ops import embedded
from threadline_ops.archive import run_verify
from threadline_ops.archive.manifest import Entry
from threadline_ops.capture.install import install
from threadline_ops.database import Identity, opened
from threadline_ops.embedded import binaries
from threadline_ops.errors import ArchiveError
from threadline_ops.settings import Settings

pytestmark = pytest.mark.thorough


def identity(settings: Settings) -> Identity:
    with opened(settings, "test") as database:
        return database.identity()


def elsewhere(settings: Settings, dsn: str) -> Settings:
    """The same settings for another database."""
    return settings.model_copy(update={"dsn": SecretStr(dsn)})


def told(settings: Settings, *identifiers: str) -> Settings:
    return settings.model_copy(update={"archive": settings.archive.model_copy(update={"same_as": identifiers})})


def newest_manifest(settings: Settings) -> Entry:
    return Entry.of(max((Path(settings.archive.directory) / "manifests").glob("*.json")).read_bytes())


def restore(old: str, new: str) -> None:
    """Everything of one database into another one, by pg_dump and psql."""
    tools = binaries.directory()
    dump = subprocess.run([tools / "pg_dump", "--no-owner", old], check=True, capture_output=True).stdout
    subprocess.run([tools / "psql", "-qX", "-v", "ON_ERROR_STOP=1", new], input=dump, check=True, capture_output=True)


@pytest.fixture
def restored(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Iterator[tuple[Settings, Settings]]:
    """The old database, half of whose archived rows were purged before the dump, and the new one in its own cluster."""
    history(connection)
    old = archive_settings(audited, tmp_path)
    written(old)
    assert purged(old, max_batches=2).result.outcome == "capped"
    name = conninfo_to_dict(audited)["dbname"]
    with embedded.temporary() as server:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute(f'create database "{name}"')
        dsn = make_conninfo(server.dsn(), dbname=name)
        restore(audited, dsn)
        yield old, elsewhere(old, dsn)


def test_a_restored_cluster_reads_and_purges_only_when_it_is_told(restored: tuple[Settings, Settings]):
    old, new = restored
    first = identity(old).system_identifier
    assert identity(new).system_identifier != first
    everything = shown(old)
    assert shown(new) == everything, "readable"
    assert not run_verify(new, live=True).problems
    with psycopg.connect(dsn_of(new), autocommit=True) as connection:
        before = live(connection)
        for act in (purged, written):
            with pytest.raises(ArchiveError, match=f"another cluster than this one.*{first}.*same_as"):
                act(new)
        with pytest.raises(ArchiveError, match="another cluster"):
            purged(told(new, "7000000000000000001"))
        assert live(connection) == before
        related = told(new, first)
        assert purged(related).result.deleted_changes == len(before)
        assert not live(connection)
        connection.execute(
            "insert into audit_transactions (txid) values (-1000007);"
            " insert into audit_changes (transaction_id, table_schema, table_name, table_pk, op, captured_at)"
            " select id, 'public', 'later', '{}', 'delete', timestamptz '2026-05-10 12:00Z' from audit_transactions"
        )
        assert [day.rows for day in written(related).days] == [1], "the restored cluster's own days follow in the chain"
    assert newest_manifest(new).manifest.database["system_identifier"] == identity(new).system_identifier
    assert not run_verify(related, live=True).problems
    assert [row for row in shown(related) if row[2] != "later"] == everything
    # The old cluster is no longer the only one that writes there, so it is asked as well.
    with psycopg.connect(dsn_of(old), autocommit=True) as connection:
        remaining = live(connection)
        with pytest.raises(ArchiveError, match="another cluster"):
            purged(old)
        assert live(connection) == remaining


@pytest.fixture
def place() -> Iterator[Path]:
    with clusters.place() as path:
        yield path


def test_a_promoted_copy_goes_on_and_says_so(place: Path, tmp_path: Path):
    """The same system identifier on a new timeline, as after any failover: nothing to be told, and the manifests tell."""
    with embedded.running(place / "primary") as server:
        settings = archive_settings(server.dsn(), tmp_path)
        with opened(settings, "test") as database:
            install(database)
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            history(connection)
            before = live(connection)
        written(settings)
        old = identity(settings)
        assert newest_manifest(settings).manifest.database["timeline"] == old.timeline
    clusters.copied(place / "primary", place / "standby")
    with embedded.running(place / "standby") as server, psycopg.connect(server.dsn(), autocommit=True) as connection:
        settings = elsewhere(settings, server.dsn())
        connection.execute("select pg_promote()")
        new = identity(settings)
        assert (new.system_identifier, new.timeline) == (old.system_identifier, old.timeline + 1)
        connection.execute(
            "insert into audit_changes (transaction_id, table_schema, table_name, table_pk, op, captured_at)"
            " select id, 'public', 'later', '{}', 'delete', %s from audit_transactions limit 1",
            (END - timedelta(days=6),),
        )
        everything = originally(live(connection))
        report = purged(settings)
        assert (report.result.outcome, report.result.deleted_changes) == ("complete", len(before) + 1)
        assert newest_manifest(settings).manifest.database["timeline"] == new.timeline
        assert not run_verify(settings, live=True).problems
        assert shown(settings) == everything
