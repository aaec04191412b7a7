"""The embedded server answers, keeps, forgets, guards and cleans up as its docstrings say."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from threadline_ops import embedded
from threadline_ops.embedded import account, binaries, cluster, process, scratch
from threadline_ops.errors import DatabaseError

pytestmark = pytest.mark.thorough

REPOSITORY = Path(__file__).resolve().parents[2]
#: Bounds for waiting: far above what anything here takes, far below the test's own timeout.
SECONDS = 30.0

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that every account can enter the way to; pytest's own tmp_path is private."""
    with tempfile.TemporaryDirectory(prefix="threadline-test-") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory) / "server"


@pytest.fixture
def own_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A root that no test beside this one adds to or sweeps, here and in processes started here."""
    binaries.directory()  # found once a process: not in a root that goes with this test
    with tempfile.TemporaryDirectory(prefix="tl-", dir="/tmp") as place:
        os.chmod(place, 0o755)
        monkeypatch.setattr(tempfile, "tempdir", place)
        monkeypatch.setenv("TMPDIR", place)
        yield


def ask(dsn: str, query: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {SECONDS} s for: {what}"
        time.sleep(0.01)


def start_elsewhere(context: str) -> tuple[subprocess.Popen[str], int, Path]:
    """Another process that holds `embedded.<context>` open; its server's pid and data directory."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom threadline_ops import embedded\n"
        f"with embedded.{context} as s:\n"
        "    print(s.pid, s.data_directory, flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    assert other.stdout is not None
    pid, data = other.stdout.readline().split()
    return other, int(pid), Path(data)


def end(other: subprocess.Popen[str], *, kill: bool = False) -> None:
    if kill:
        other.kill()
    other.communicate(timeout=SECONDS)


def modes(place: Path) -> dict[Path, tuple[int, int]]:
    """Mode and owner of a directory and of all above it."""
    found = {path: path.stat() for path in (place, *place.parents)}
    return {path: (found[path].st_mode, found[path].st_uid) for path in found}


def test_a_temporary_server_answers_and_leaves_nothing() -> None:
    with embedded.temporary() as server:
        assert ask(server.dsn(), "SELECT current_setting('server_version_num')::int / 10000") == 18
        assert ask(server.dsn(host=str(server.socket_directory)), "SELECT inet_client_addr()") is None
        shown = "SELECT string_agg(current_setting(name), ' ' ORDER BY n) FROM unnest(ARRAY["
        names = ("fsync", "wal_level", "max_prepared_transactions", "jit", "timezone", "server_encoding")
        query = shown + ", ".join(f"'{name}'" for name in names) + "]) WITH ORDINALITY AS t(name, n)"
        assert ask(server.dsn(), query) == "off logical 20 off UTC UTF8"
    assert not server.home.exists()
    assert not process.serves(server.pid, server.data_directory)


def test_settings_of_the_caller_win() -> None:
    with embedded.temporary(settings={"max_connections": "33", "application_name": "two words"}) as server:
        assert ask(server.dsn(), "SHOW max_connections") == "33"


def test_dsn_encodes_names_and_parameters() -> None:
    with embedded.temporary() as server:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute('CREATE DATABASE "a/b?c=d e%é"')
        dsn = server.dsn("a/b?c=d e%é", application_name="one & two=2", options="-c work_mem=5MB")
        assert ask(dsn, "SELECT current_database()") == "a/b?c=d e%é"
        assert ask(dsn, "SHOW application_name") == "one & two=2"
        assert ask(dsn, "SHOW work_mem") == "5MB"


@pytest.mark.parametrize("way", ["tcp", "socket"])
def test_a_wrong_password_is_refused(way: str) -> None:
    with embedded.temporary() as server:
        where = {"host": str(server.socket_directory)} if way == "socket" else {}
        for password in ("wrong", ""):
            with pytest.raises(psycopg.OperationalError, match=r"password"):
                psycopg.connect(server.dsn(**where, passfile=os.devnull, user="postgres", password=password))


def test_the_password_is_shown_nowhere(home: Path) -> None:
    with embedded.running(home) as server:
        assert server.password not in repr(server)
        assert server.password in server.dsn()
        command = (
            subprocess.run(
                ["ps", "-ww", "-o", "command=", "-p", str(server.pid)],
                capture_output=True,
                text=True,
                check=False,
            )
            if shutil.which("ps")
            else None
        )
        assert command is None or server.password not in command.stdout
        kept = home / cluster.PASSWORD
        assert (stat.S_IMODE(kept.stat().st_mode), kept.stat().st_uid) == (0o600, os.geteuid())
        assert stat.S_IMODE(server.log_file.stat().st_mode) == 0o600
    for path in home.rglob("*"):
        if path.is_file() and path != kept:
            assert server.password.encode() not in path.read_bytes(), path


def test_reopening_keeps_data_port_and_password(home: Path) -> None:
    with embedded.running(home) as first:
        with psycopg.connect(first.dsn()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        assert ask(first.dsn(), "SHOW fsync") == "on"
    assert not process.serves(first.pid, first.data_directory)
    with embedded.running(home) as second:
        assert ask(second.dsn(), "SELECT answer FROM kept") == 42
    assert (second.port, second.password) == (first.port, first.password)
    assert second.pid != first.pid


def test_another_port_is_taken_when_the_last_one_is_in_use(home: Path) -> None:
    with embedded.running(home) as first:
        pass
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", first.port))
        other.listen()
        with embedded.running(home) as second:
            assert second.port != first.port


def test_a_port_lost_to_a_race_is_replaced(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from threadline_ops.embedded import server as module

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        free, asked = module._port, iter([other.getsockname()[1]])
        monkeypatch.setattr(module, "_port", lambda place: next(asked, None) or free(None))
        with embedded.running(home) as server:
            assert server.port != other.getsockname()[1]
            assert ask(server.dsn(), "SELECT 1") == 1


def test_a_live_server_is_shared_and_left_running(home: Path) -> None:
    with embedded.running(home) as first:
        with embedded.running(home) as second:
            assert second == first
        assert ask(first.dsn(), "SELECT 1") == 1


def test_the_server_of_another_process_is_shared(home: Path) -> None:
    other, pid, data = start_elsewhere(f"running(Path({str(home)!r}))")
    try:
        with embedded.running(home) as shared:
            assert shared.pid == pid
        assert process.serves(pid, data)
    finally:
        end(other)
    assert not process.serves(pid, data)


@pytest.mark.parametrize("context", ["temporary()", "running(Path({home!r}))"])
def test_the_server_stops_when_its_owner_is_killed(context: str, home: Path) -> None:
    other, pid, data = start_elsewhere(context.format(home=str(home)))
    end(other, kill=True)
    wait_for(lambda: not process.serves(pid, data), "the server's end")


def test_a_home_is_taken_over_at_once_when_its_owner_is_killed(home: Path) -> None:
    other, pid, _ = start_elsewhere(f"running(Path({str(home)!r}))")
    end(other, kill=True)
    with embedded.running(home) as server:
        assert server.pid != pid
        assert ask(server.dsn(), "SELECT 1") == 1


@pytest.mark.usefixtures("own_root")
def test_what_a_killed_owner_left_is_swept() -> None:
    other, pid, data = start_elsewhere("temporary()")
    end(other, kill=True)
    assert data.parent.exists()
    with embedded.temporary() as server:
        assert not process.serves(pid, data)
        assert not data.parent.exists()
        with embedded.temporary() as second:
            assert server.home.exists()
            assert second.home != server.home
        assert ask(server.dsn(), "SELECT 1") == 1


def test_an_orphan_without_its_watch_is_stopped(home: Path) -> None:
    with embedded.running(home) as server:
        pass
    command = process.command_line(
        binaries.directory(), server.data_directory, server.socket_directory, server.port, {}
    )
    with cluster.log(home) as log:
        orphan = account.spawn(command, output=log)
    wait_for(lambda: getattr(process.Status.read(server.data_directory), "pid", None) == orphan.pid, "the orphan")
    with embedded.running(home) as successor:
        assert successor.pid != orphan.pid
        assert orphan.wait(SECONDS) == 0
        assert ask(successor.dsn(), "SELECT 1") == 1


def test_a_status_left_by_a_crash_is_not_believed(home: Path) -> None:
    """A live process that happens to have the crashed server's id is neither used nor signalled."""
    with embedded.running(home) as server:
        left = (server.data_directory / "postmaster.pid").read_text().splitlines()
    bystander = account.spawn(["/bin/sh", "-c", "read -r _"], stdin=subprocess.PIPE)
    try:
        (server.data_directory / "postmaster.pid").write_text("\n".join([str(bystander.pid), *left[1:]]) + "\n")
        process.end_orphan(server.data_directory)
        assert bystander.poll() is None
    finally:
        bystander.communicate()


def test_a_forked_child_does_not_stop_its_parents_server() -> None:
    code = (
        "import os\nfrom threadline_ops import embedded\n"
        "with embedded.temporary() as s:\n"
        "    child = os.fork()\n"
        "    if child == 0:\n        raise SystemExit\n"
        "    os.waitpid(child, 0)\n"
        "    import psycopg\n    psycopg.connect(s.dsn()).close()\n    print(s.home.exists())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=SECONDS,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr


def test_a_path_too_long_for_a_socket(home: Path) -> None:
    deep = home / ("d" * 60) / ("e" * 60)
    with embedded.running(deep) as server:
        assert server.socket_directory != server.data_directory
        assert len(os.fsencode(server.socket_directory)) <= scratch.LONGEST_SOCKET_DIRECTORY
        assert ask(server.dsn(host=str(server.socket_directory)), "SELECT inet_client_addr()") is None
    assert not server.socket_directory.exists()


def test_a_private_parent_keeps_its_mode_and_the_data(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    before = modes(tmp_path)
    home = tmp_path / "server"
    with embedded.running(home) as server:
        with psycopg.connect(server.dsn()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        assert ((home / cluster.DATA).is_symlink()) == (os.geteuid() == 0)
    with embedded.running(home) as server:
        assert ask(server.dsn(), "SELECT answer FROM kept") == 42
    assert modes(tmp_path) == before
    shutil.rmtree(home)
    with embedded.running(home) as server:
        assert ask(server.dsn(), "SELECT to_regclass('kept')") is None
    if server.data_directory.parent != home:
        shutil.rmtree(server.data_directory.parent)


def test_no_mode_or_owner_changes_outside_its_own_directories(home: Path) -> None:
    places = [home.parent, binaries.directory(), Path.home(), Path(tempfile.gettempdir())]
    before = [modes(place) for place in places]
    with embedded.running(home), embedded.temporary():
        assert [modes(place) for place in places] == before
    assert [modes(place) for place in places] == before


def test_a_directory_given_empty_keeps_its_mode(home: Path) -> None:
    home.mkdir(mode=0o750)
    with embedded.running(home) as server:
        assert ask(server.dsn(), "SELECT 1") == 1
    assert stat.S_IMODE(home.stat().st_mode) == 0o750
    if server.data_directory.parent != home:
        shutil.rmtree(server.data_directory.parent)


def test_a_tight_umask_does_no_harm(home: Path) -> None:
    before = os.umask(0o077)
    try:
        with embedded.running(home) as server, embedded.temporary() as second:
            assert (ask(server.dsn(), "SELECT 1"), ask(second.dsn(), "SELECT 1")) == (1, 1)
    finally:
        os.umask(before)


def test_a_foreign_directory_is_refused(home: Path) -> None:
    home.mkdir()
    (home / "thesis.txt").write_text("precious")
    with pytest.raises(DatabaseError, match="holds something else"), embedded.running(home):
        pass
    assert [path.name for path in home.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_way_is_refused(home: Path) -> None:
    home.write_text("")
    with pytest.raises(DatabaseError, match="cannot use its directory"), embedded.running(home):
        pass


def test_data_of_another_version_are_refused(home: Path) -> None:
    with embedded.running(home) as server:
        pass
    (server.data_directory / "PG_VERSION").write_text("17\n")
    with (
        pytest.raises(DatabaseError, match=r"another postgresql than 18 \(got '17'\)"),
        embedded.running(home),
    ):
        pass


def test_an_interrupted_initdb_is_done_again(home: Path) -> None:
    home.mkdir(mode=0o755)
    (home / "data.partial").mkdir()
    (home / "data.partial" / "PG_VERSION").write_text("18\n")
    (home / "password.partial").write_text("old")
    with closing(scratch.try_lock(home / scratch.LOCK) or sys.stdin):
        pass
    with embedded.running(home) as server:
        assert ask(server.dsn(), "SELECT 1") == 1
    assert not (home / "data.partial").exists()
    assert not (home / "password.partial").exists()


def test_a_failed_start_shows_the_logs_end(home: Path) -> None:
    with (
        pytest.raises(DatabaseError) as caught,
        embedded.running(home, settings={"shared_buffers": "nonsense"}),
    ):
        pass
    assert 'invalid value for parameter "shared_buffers": "nonsense"' in str(caught.value)
    assert "start again" in caught.value.fix
    assert (home / cluster.PASSWORD).read_text() not in str(caught.value)
    with embedded.running(home) as server:
        assert ask(server.dsn(), "SELECT 1") == 1


@pytest.mark.usefixtures("own_root")
def test_a_failed_temporary_start_leaves_nothing() -> None:
    with pytest.raises(DatabaseError), embedded.temporary(settings={"no_such_setting": "1"}):
        pass
    assert list(scratch.root().glob("t-*")) == []
    with embedded.temporary() as server:
        assert [server.home] == list(scratch.root().glob("t-*"))


def test_without_the_wheel_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "PACKAGE", "no_such_package")
    with pytest.raises(DatabaseError, match=r"threadline-ops\[embedded\].*THREADLINE_OPS_DSN"):
        binaries.directory.__wrapped__()


def test_the_wheels_own_python_is_never_imported() -> None:
    with embedded.temporary():
        assert binaries.PACKAGE not in sys.modules


@as_root
def test_binaries_below_a_private_directory_are_copied_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = binaries.directory().parents[1]
    private = tmp_path / "site-packages"
    private.mkdir()
    shutil.copytree(package / "pginstall18", private / binaries.PACKAGE / "pginstall18")
    libraries = package.with_name(f"{binaries.PACKAGE}.libs")
    if libraries.exists():
        shutil.copytree(libraries, private / libraries.name)
    for place in (private, *private.rglob("*")):
        place.chmod(place.stat().st_mode & 0o700)
    roots = tempfile.mkdtemp(prefix="tlo-")
    try:
        os.chmod(roots, 0o755)
        monkeypatch.setattr(tempfile, "tempdir", roots)
        copied = binaries._copied(private / binaries.PACKAGE)
        assert copied.is_relative_to(roots)
        assert account.spawn([copied / "postgres", "--version"]).wait() == 0
        assert account.spawn([copied / "initdb", "--version"]).wait() == 0
        inode = (copied / "postgres").stat().st_ino
        assert (binaries._copied(private / binaries.PACKAGE) / "postgres").stat().st_ino == inode
    finally:
        shutil.rmtree(roots)


@as_root
def test_a_scratch_directory_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = tempfile.mkdtemp(prefix="tlo-")
    try:
        os.chmod(parent, 0o755)
        monkeypatch.setattr(tempfile, "tempdir", parent)
        trap = Path(parent, "threadline-ops-0")
        trap.mkdir()
        account.hand_over(trap)
        with pytest.raises(DatabaseError, match="belongs to somebody else"):
            scratch.root()
        trap.rmdir()
        trap.symlink_to("/etc")
        with pytest.raises(DatabaseError, match="belongs to somebody else"):
            scratch.root()
    finally:
        shutil.rmtree(parent)


def test_a_private_temporary_directory_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * 80)
    long.mkdir(mode=0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    assert long not in scratch.root().parents


def test_each_test_gets_an_empty_database(database: str) -> None:
    assert ask(database, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0
