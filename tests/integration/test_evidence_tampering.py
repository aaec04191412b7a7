"""Whatever is done to the store after the fact, verify notices."""

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.evidence_store import fill, offline_settings
from threadline_ops.database import opened
from threadline_ops.evidence import Store, verify
from threadline_ops.evidence.anchor import anchor, ensure
from threadline_ops.evidence.store import Head
from threadline_ops.sections import EvidenceSettings
from threadline_ops.settings import Settings

RECORDS = 25


def overwrite(path: Path, content: bytes) -> None:
    """Change a file in place, through all of its names."""
    path.chmod(0o600)
    path.write_bytes(content)


def places(store: Store) -> list[Path]:
    return [store.chain_path(place) for place in store.sequences()]


def logs(store: Store) -> list[Path]:
    return sorted(store.directory.glob("*.log.gz"))


def edit_byte(store: Store, chance: random.Random) -> None:
    path = chance.choice([*places(store), *logs(store), store.directory / "HEAD"])
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    overwrite(path, bytes(content))


def edit_figure(store: Store, chance: random.Random) -> None:
    path = chance.choice(places(store))
    record = json.loads(path.read_bytes())
    record["figures"]["expired_changes"] += 1
    overwrite(path, json.dumps(record, sort_keys=True, separators=(",", ":")).encode())


def delete(store: Store, chance: random.Random) -> None:
    chance.choice([*places(store), *logs(store), *store.directory.glob("*.json"), store.directory / "HEAD"]).unlink()


def delete_whole_run(store: Store, chance: random.Random) -> None:
    remove_run(store, chance.choice(store.sequences()))


def remove_run(store: Store, place: int) -> None:
    run_id = json.loads(store.chain_path(place).read_bytes())["run_id"]
    for path in (store.chain_path(place), store.record_path(run_id), store.log_path(run_id)):
        path.unlink()


def delete_tail(store: Store, chance: random.Random) -> None:
    for place in range(chance.randrange(2, RECORDS + 1), RECORDS + 1):
        remove_run(store, place)


def reorder(store: Store, chance: random.Random) -> None:
    swap(store, *chance.sample(places(store), 2))


def swap_logs(store: Store, chance: random.Random) -> None:
    swap(store, *chance.sample(logs(store), 2))


def swap_names(store: Store, chance: random.Random) -> None:
    swap(store, *chance.sample(sorted(store.directory.glob("*.json")), 2))


def swap(store: Store, one: Path, other: Path) -> None:
    aside = store.running / "aside"
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def truncate(store: Store, chance: random.Random) -> None:
    path = chance.choice([*places(store), *logs(store), store.directory / "HEAD"])
    content = path.read_bytes()
    overwrite(path, content[: chance.randrange(len(content))])


def add_record(store: Store, chance: random.Random) -> None:
    source = chance.choice(places(store))
    target = chance.choice([store.chain_path(RECORDS + 1), store.record_path("forged"), store.chain / "extra"])
    shutil.copy(source, target)


def add_log(store: Store, chance: random.Random) -> None:
    shutil.copy(chance.choice(logs(store)), store.log_path("forged"))


MUTATIONS: list[Callable[[Store, random.Random], None]] = [
    edit_byte, edit_figure, delete, delete_whole_run, delete_tail, reorder, swap_logs, swap_names, truncate,
    add_record, add_log,
]  # fmt: skip


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return fill(tmp_path_factory.mktemp("evidence") / "store", RECORDS)


def copy(original: Store, directory: Path) -> Store:
    shutil.copytree(original.directory, directory)
    store = Store(directory)
    for path in places(store):  # copytree makes two files of two names
        named = store.record_path(json.loads(path.read_bytes())["run_id"])
        named.unlink()
        os.link(path, named)
    return store


def test_an_untouched_store_verifies(original: Store):
    found = verify(offline_settings(original.directory))
    assert found.problems == ()
    assert (found.records, found.head) == (RECORDS, original.noted_head())


def test_a_copy_that_lost_its_hard_links_verifies(original: Store, tmp_path: Path):
    shutil.copytree(original.directory, tmp_path / "copy")
    assert verify(offline_settings(tmp_path / "copy")).intact


@pytest.mark.parametrize("batch", [0, *(pytest.param(batch, marks=pytest.mark.thorough) for batch in range(1, 10))])
def test_a_hundred_random_mutations_are_all_noticed(original: Store, tmp_path: Path, batch: int):
    chance = random.Random(batch)
    for number in range(100):
        mutate = MUTATIONS[number % len(MUTATIONS)]
        store = copy(original, tmp_path / str(number))
        mutate(store, chance)
        found = verify(offline_settings(store.directory))
        assert not found.intact, f"{mutate.__name__} of round {number} went unnoticed"
        shutil.rmtree(store.directory)


@pytest.fixture
def anchored(original: Store, audited: str, tmp_path: Path) -> tuple[Store, Settings]:
    """A copy of the store whose first 20 records the database anchors."""
    settings = Settings(
        dsn=SecretStr(audited),
        environment="test",
        evidence=EvidenceSettings(directory=tmp_path / "anchored"),
    )
    store = copy(original, settings.evidence.directory)
    with opened(settings, "tests") as database:
        assert ensure(database) is None
        with database.transaction() as connection:
            for place in range(1, 21):
                sha256 = hashlib.sha256(store.chain_path(place).read_bytes()).hexdigest()
                wanted = {"store": "test", "sequence": place, "sha256": sha256, "run_id": f"run-{place}"}
                connection.execute(database.statement("evidence/add_anchor"), wanted)
    return store, settings


def test_the_anchors_verify_and_say_how_far_they_reach(anchored: tuple[Store, Settings]):
    found = verify(anchored[1])
    assert (found.problems, found.anchored, found.anchored_through) == ((), "verified", 20)
    assert any("21 to 25 are not anchored yet" in note for note in found.notes)


def test_a_tail_cut_off_together_with_head_shows_in_the_database_alone(anchored: tuple[Store, Settings]):
    store, settings = anchored
    for place in range(18, RECORDS + 1):
        remove_run(store, place)
    (store.directory / "HEAD").unlink()
    head = store.head()
    assert head is not None
    assert head.sequence == 17
    (store.directory / "HEAD").write_text(json.dumps({"sequence": 17, "sha256": head.sha256}))
    assert verify(offline_settings(store.directory)).intact, "this is what only an anchor can tell"
    found = verify(settings)
    assert [problem.place for problem in found.problems] == ["18", "19", "20"]


def test_a_store_replaced_as_a_whole_shows(anchored: tuple[Store, Settings]):
    store, settings = anchored
    shutil.rmtree(store.directory)
    found = verify(settings)
    assert len(found.problems) == 20
    fill(settings.evidence.directory, 3, lambda _: {"status": "Issue"})
    found = verify(settings)
    assert {problem.kind for problem in found.problems} == {"anchor"}
    assert len(found.problems) == 20
    assert anchor(settings, Head(3, "0" * 64), "run-3").status == "conflict"


def test_a_renamed_store_is_said(anchored: tuple[Store, Settings]):
    settings = anchored[1].model_copy(update={"environment": "elsewhere"})
    found = verify(settings)
    assert "no anchors of store 'elsewhere'" in found.anchored
    assert any("also anchors store 'test', 20 records" in note for note in found.notes)
