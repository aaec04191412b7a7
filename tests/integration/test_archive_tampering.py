"""Whatever is done to the archive or behind its back: it is named, and nothing is deleted that is not archived."""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from tests.archive import END, archive_settings, history, live, purged, written
from threadline_ops.archive import run_verify
from threadline_ops.archive.manifest import Entry
from threadline_ops.errors import ArchiveError
from threadline_ops.settings import Settings


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    history(connection)
    made = archive_settings(audited, tmp_path)
    written(made)
    return made


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def parts(archive: Path, day: int) -> list[Path]:
    return sorted((archive / f"days/2026-05-{day}/v1").glob("*.parquet"))


def manifests(archive: Path) -> list[Path]:
    return sorted((archive / "manifests").glob("*.json"))


def edited(path: Path, **changes: object) -> None:
    manifest = Entry.of(path.read_bytes()).manifest
    path.write_bytes(replace(manifest, **changes).dump())


def swap(one: Path, other: Path) -> None:
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def count_and_chain(archive: Path) -> None:
    """A count, with every later manifest made to fit: only the database knows better."""
    previous = None
    for place, path in enumerate(manifests(archive)):
        manifest = Entry.of(path.read_bytes()).manifest
        path.write_bytes(replace(manifest, previous=previous, rows=manifest.rows + (place == 1)).dump())
        previous = Entry.of(path.read_bytes()).sha256


TAMPERED: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a flipped byte": (lambda a: flip(parts(a, 18)[0]), "altered", "days/2026-05-18/v1/part-00000.parquet"),
    "a missing file": (lambda a: parts(a, 18)[0].unlink(), "missing", "days/2026-05-18/v1/part-00000.parquet"),
    "two days' files swapped": (
        lambda a: swap(parts(a, 17)[0], parts(a, 18)[0]), "altered", "days/2026-05-18/v1/part-00000.parquet",
    ),
    "two manifests swapped": (lambda a: swap(*manifests(a)[1:3]), "manifest", "manifests/00000002.json"),
    "an edited manifest": (lambda a: edited(manifests(a)[1], audit_schema="x"), "manifest", "manifests/00000002.json"),
    "a tampered count": (lambda a: edited(manifests(a)[1], rows=1), "manifest", "manifests/00000002.json"),
    "a tampered count, chained": (count_and_chain, "manifest", "manifests/00000002.json"),
    "the newest manifest edited": (lambda a: edited(manifests(a)[-1], rows=1), "manifest", "manifests/00000004.json"),
    "no manifest at all": (lambda a: manifests(a)[1].write_bytes(b"{"), "manifest", "manifests/00000002.json"),
    "a truncated chain": (lambda a: manifests(a)[-1].unlink(), "truncated", "manifests/00000004.json"),
    "a gap in the chain": (lambda a: manifests(a)[1].unlink(), "chain", "manifests/00000002.json"),
    "everything gone": (shutil.rmtree, "truncated", "manifests/00000001.json"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
def test_verify_names_it_and_purge_refuses(name: str, settings: Settings, connection: psycopg.Connection):
    archive = Path(settings.archive.directory)
    tamper, kind, place = TAMPERED[name]
    before = live(connection)
    tamper(archive)
    report = run_verify(settings)
    assert (kind, place) in {(problem.kind, problem.place) for problem in report.problems}, report.problems
    with pytest.raises(ArchiveError):
        purged(settings)
    assert live(connection) == before, "nothing was deleted"


def test_a_verified_day_that_is_altered_later_is_noticed(settings: Settings, connection: psycopg.Connection):
    assert not run_verify(settings).problems
    flip(parts(Path(settings.archive.directory), 19)[0])
    before = live(connection)
    with pytest.raises(ArchiveError, match="altered"):
        purged(settings)
    assert live(connection) == before


def test_files_that_fit_their_manifest_but_not_each_other_are_noticed(settings: Settings):
    """Hashes and counts alone would pass: the digests are computed again from the files' own rows."""
    archive = Path(settings.archive.directory)
    one, other = (Entry.of(manifests(archive)[n].read_bytes()).manifest for n in (1, 2))
    swap(parts(archive, 17)[0], parts(archive, 18)[0])
    edited(manifests(archive)[1], files=other.files, rows=other.rows)
    edited(manifests(archive)[2], files=one.files, rows=one.rows)
    kinds = {(problem.kind, problem.place) for problem in run_verify(settings, offline=True).problems}
    assert {("digest", "2026-05-17"), ("digest", "2026-05-18")} <= kinds


OLDEST = "(select {} from audit_changes where table_name = 'flights' order by captured_at limit 1)"
BEHIND = {
    "added": "insert into audit_changes (transaction_id, table_schema, table_name, table_pk, op, captured_at)"
    " select transaction_id, 'public', 'forged', '{}', 'delete', captured_at + interval '1 minute'"
    " from audit_changes where id = %(id)s returning id::text",
    "changed": "update audit_changes set data_after = '{\"forged\": true}' where id = %(id)s returning id::text",
    "missing": "delete from audit_changes where id = %(id)s returning id::text",
    "transactions": 'update audit_transactions set actor_ref = \'{"type": "anonymous"}\' where id ='
    " (select transaction_id from audit_changes where id = %(id)s) returning id::text",
}


@pytest.mark.parametrize("kind", BEHIND)
@pytest.mark.pooled
def test_rows_changed_behind_the_archives_back(kind: str, settings: Settings, connection: psycopg.Connection):
    archived = live(connection)
    identity = min(archived, key=lambda name: (archived[name][5], name))
    (behind,) = connection.execute(BEHIND[kind], {"id": identity}).fetchone() or ("",)
    after = live(connection)
    report = purged(settings)
    assert report.result.outcome == "differs"
    (differing,) = report.result.differing
    found = {name: getattr(differing, name) for name in BEHIND}
    assert found == {name: (behind,) if name == kind else () for name in BEHIND}
    text = Path(differing.report).read_text()
    assert json.loads(text)[kind] == [behind]
    assert "forged" not in text + report.evidence.read_text(), "ids only"
    remaining = live(connection)
    assert remaining
    assert set(remaining) <= {name for name in after if after[name][5] < END - timedelta(days=3)}, "one day stays"
    # The day gets another version, and then goes.
    again = purged(settings)
    assert again.result.outcome == "complete"
    assert not live(connection)
    assert not run_verify(settings, live=True).problems
    assert len(list(Path(settings.archive.directory).glob("days/2026-05-16/v*"))) == 2, "never overwritten"


def test_a_transaction_that_is_changed_while_the_purge_waits_for_it(settings: Settings, connection: psycopg.Connection):
    """The deletion meets a version that its statement did not see, and that no archive has."""
    before = live(connection)
    with (
        psycopg.connect(connection.info.dsn, password=connection.info.password) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute(
            "update audit_transactions set meta = '{\"forged\": true}' where id ="
            " (select transaction_id from audit_changes order by captured_at, id limit 1)"
        )
        run = pool.submit(purged, settings)
        for _ in range(2000):
            waiting = connection.execute(
                "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
            ).fetchone()
            if waiting == (1,) or run.done():
                break
            connection.execute("select pg_sleep(0.005)")
        other.commit()
        report = run.result(timeout=30)
    assert report.result.outcome == "differs"
    assert len(report.result.differing[0].transactions) == 1
    first = min(before.values(), key=lambda row: (row[5], row[0]))
    assert first[0] in live(connection), "nothing of the slice went"


def test_rows_that_appear_where_all_was_purged_are_archived_too(settings: Settings, connection: psycopg.Connection):
    purged(settings)
    connection.execute(
        "with t as (insert into audit_transactions (txid) values (-1000007) returning id)"
        " insert into audit_changes (transaction_id, table_schema, table_name, table_pk, op, captured_at)"
        " select id, 'public', 'late', '{}', 'delete', %s from t",
        (END - timedelta(days=2),),
    )
    report = purged(settings)
    assert (report.result.outcome, len(report.result.differing[0].added)) == ("differs", 1)
    assert len(live(connection)) == 1
    assert purged(settings).result.deleted_changes == 1


def test_a_hold_keeps_its_slice_whole(settings: Settings, connection: psycopg.Connection, audited: str):
    from threadline_ops.database import opened
    from threadline_ops.retention import holds

    held = next(row for row in live(connection).values() if "ird" in row[3])
    with opened(settings, "test") as database:
        number = holds.add(database, holds.Hold("case 7", table=(held[2], held[3])))
        report = purged(settings)
        assert (report.result.outcome, len(report.result.kept)) == ("complete", 1)
        remaining = live(connection)
        assert held[0] in remaining
        assert len(remaining) <= settings.archive.slice_rows
        holds.release(database, number, reason="settled")
    purged(settings)
    assert not live(connection)


def test_another_cluster_reads_but_does_not_purge_until_it_is_told(settings: Settings, connection: psycopg.Connection):
    """As after a restore: the archive's manifests name another system identifier than the server's."""
    archive = Path(settings.archive.directory)
    previous = None
    for path in manifests(archive):
        manifest = Entry.of(path.read_bytes()).manifest
        path.write_bytes(
            replace(
                manifest,
                previous=previous,
                database=dict(manifest.database) | {"system_identifier": "7000000000000000001"},
            ).dump()
        )
        previous = Entry.of(path.read_bytes()).sha256
    connection.execute("truncate threadline_ops.archive_entries")
    assert not run_verify(settings).problems, "readable"
    before = live(connection)
    for act in (purged, written):
        with pytest.raises(ArchiveError, match="another cluster"):
            act(settings)
    assert live(connection) == before
    told = settings.archive.model_copy(update={"same_as": ("7000000000000000001",)})
    report = purged(settings.model_copy(update={"archive": told}))
    assert report.result.outcome == "complete"
    assert not live(connection)
