"""Data that lie outside a private home go once that home was deleted, and in no other case."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from threadline_ops import embedded
from threadline_ops.embedded import binaries, scratch

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers keep their data elsewhere"),
]


@pytest.fixture(autouse=True)
def own_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A root that no test beside this one adds to or sweeps."""
    binaries.directory()  # found once a process: not in a root that goes with this test
    with tempfile.TemporaryDirectory(prefix="tl-", dir="/tmp") as place:
        os.chmod(place, 0o755)
        monkeypatch.setattr(tempfile, "tempdir", place)
        yield


@pytest.fixture
def home() -> Iterator[Path]:
    """A home below a directory that the server's account cannot enter, on the file system of the root."""
    with tempfile.TemporaryDirectory(prefix="private-") as directory:
        yield Path(directory) / "clone" / "server"


def made(home: Path) -> Path:
    """Where the data of a new server lie, which has ended by then."""
    with embedded.running(home) as server:
        assert server.data_directory.parent.name.startswith("o-")
    return server.data_directory


def swept() -> None:
    with embedded.temporary():
        pass


def test_a_deleted_homes_data_go_and_the_others_stay(home: Path):
    gone, other = made(home), home.parent.with_name("other")
    stays = made(other)
    shutil.rmtree(home.parent)
    swept()
    assert not gone.parent.exists()
    assert stays.exists()


def test_a_moved_home_keeps_its_data(home: Path):
    data = made(home)
    moved = home.parent.with_name("moved")
    home.parent.rename(moved)
    swept()
    with embedded.running(moved / "server") as server, psycopg.connect(server.dsn()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
        assert server.data_directory == data


def test_data_in_use_stay_though_their_home_was_deleted(home: Path):
    with embedded.running(home) as server:
        shutil.rmtree(home)
        swept()
        with psycopg.connect(server.dsn()) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    swept()
    assert not server.data_directory.exists()


def test_what_no_home_is_known_of_stays(home: Path):
    """As on another file system, and from before such places knew their home."""
    data = made(home)
    (data.parent / scratch.TIE).unlink()
    shutil.rmtree(home)
    swept()
    assert data.exists()


def test_a_home_made_again_has_new_data_in_the_same_place(home: Path):
    data = made(home)
    shutil.rmtree(home)
    assert made(home) == data
    swept()
    assert data.exists()
