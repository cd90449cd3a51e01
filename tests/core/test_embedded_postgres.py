"""The embedded server: private, fast to start, never orphaned, never adopted, never in another's way."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from sqlalchemy import create_engine, text

from gateway.core.data_dir import DataDir
from gateway.core.database import sqlalchemy_url
from gateway.core.errors import MissingPart
from gateway.core.postgres import cluster, embedded
from gateway.core.postgres.embedded import LOG_LIMIT_BYTES, EmbeddedPostgres
from gateway.core.postgres.migrating import migrate
from tests.conftest import wait_until
from tests.core.conftest import directory, query, running
from tests.core.older_server import PROGRAMS_BEFORE, servers_of

ROOT = Path(__file__).parents[2]

OWNER = """
import sys
if "gevent" in sys.argv:
    from gevent import monkey
    monkey.patch_all()
import os, pwd, signal, time
from pathlib import Path
from gateway.core.postgres import cluster
from gateway.core.data_dir import DataDir
from gateway.core.postgres.embedded import EmbeddedPostgres
from gateway.core.errors import MissingPart
if "nobody" in sys.argv:  # after the imports: its Python may lie where only this user reads
    account = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
if "untied" in sys.argv:  # as on systems that cannot tie a child to its parent
    cluster._tie_to_parent = lambda dies_by: None
if "deaf" in sys.argv:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
data_dir = DataDir(Path(sys.argv[1]))
data_dir.prepare()
with data_dir.lock():
    server = EmbeddedPostgres(data_dir)
    try:
        print(server.start(), flush=True)
    except MissingPart as error:
        sys.exit(str(error))
    sys.stdin.readline()
    server.stop()
"""
"""Another process with a server of its own: prints the URL, and stops in order when its input ends."""

ACCOUNTS = [pwd.getpwuid(os.geteuid()).pw_name, *(["nobody"] if os.geteuid() == 0 else [])]
"""Every account these tests can take: PostgreSQL refuses root, so that is a case of its own."""


@pytest.fixture
def empty_dir() -> Iterator[DataDir]:
    """A data directory before its first start."""
    with directory() as path:
        DataDir(path).prepare()
        yield DataDir(path)


@contextmanager
def owner(path: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that runs a server on the directory, and the server's URL."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(path), *flags],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()
            wait_until(lambda: not server_processes(path) or "untied" in flags, 5, 0.01)


def server_processes(path: Path) -> list[psutil.Process]:
    """The main process and its children, found by their working directory."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == "postgres" and Path(process.cwd()) == path / "postgres":
                found.append(process)
    return found


def main_process(path: Path) -> psutil.Process:
    return psutil.Process(int((path / "postgres" / "postmaster.pid").read_text().split()[0]))


def is_gone(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_killed_owner_leaves_no_server_and_the_next_has_its_data(account: str) -> None:
    with directory() as path:
        shutil.chown(path, account)
        with owner(path, account) as (first, url):
            query(url, "CREATE TABLE kept (value text)")
            query(url, "INSERT INTO kept VALUES ('acknowledged')")
            old = main_process(path)
            first.kill()
            with owner(path, account) as (_, second_url):
                assert is_gone(old)
                assert main_process(path) != old
                assert query(second_url, "SELECT value FROM kept") == "acknowledged"


def test_it_lives_under_gevent_too(data_dir: DataDir) -> None:
    with owner(data_dir.path, "gevent") as (first, url):
        assert query(url, "SELECT 1") == 1
        main = main_process(data_dir.path)
        assert set(psutil.Process(main.pid).gids()) != {0} or os.geteuid() != 0
        assert 0 not in [int(group) for group in groups_of(main)] or os.geteuid() != 0
        first.kill()
        wait_until(lambda: is_gone(main), 5, 0.01)
    with owner(data_dir.path, "gevent") as (second, url):
        assert query(url, "SELECT 1") == 1
        assert second.stdin is not None
        second.stdin.close()
        assert second.wait(10) == 0
        assert not server_processes(data_dir.path)


def groups_of(process: psutil.Process) -> list[str]:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith("Groups:")).split()[1:]


def test_a_server_left_behind_is_ended_before_the_next_starts(own_dir: DataDir) -> None:
    with owner(own_dir.path, "untied") as (first, url):
        query(url, "CREATE TABLE kept AS SELECT 1")
        old = main_process(own_dir.path)
        first.kill()
        first.wait()
        assert not is_gone(old)
        with running(own_dir.path) as (_, second_url):
            assert is_gone(old)
            assert query(second_url, "SELECT * FROM kept") == 1


def test_a_killed_server_is_noticed_and_started_again(own_dir: DataDir) -> None:
    with running(own_dir.path) as (server, url):
        query(url, "CREATE TABLE kept AS SELECT 1")
        assert server.alive()
        busy = psycopg.connect(url)
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000000)")
        old = server_processes(own_dir.path)
        main_process(own_dir.path).kill()
        wait_until(lambda: not server.alive(), 1, 0.01)
        assert server.start() == url
        assert all(is_gone(process) for process in old)
        assert query(url, "SELECT * FROM kept") == 1
        busy.close()


def test_the_server_of_another_directory_is_left_alone(data_dir: DataDir, own_dir: DataDir) -> None:
    with running(data_dir.path) as (other, other_url), running(own_dir.path) as (server, url):
        query(url, "CREATE TABLE mine ()")
        server.stop()
        server.start()
        assert other.alive()
        assert query(other_url, "SELECT to_regclass('mine')") is None


def test_no_start_without_the_lock_or_from_another_thread(data_dir: DataDir) -> None:
    with pytest.raises(RuntimeError, match="lock"):
        EmbeddedPostgres(data_dir).start()
    errors: list[str] = []

    def start() -> None:
        try:
            EmbeddedPostgres(data_dir).start()
        except RuntimeError as error:
            errors.append(str(error))

    with data_dir.lock():
        thread = threading.Thread(target=start)
        thread.start()
        thread.join()
    assert errors == ["start the embedded server from the main thread"]


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(data_dir: DataDir) -> None:
    with owner(data_dir.path, "deaf") as (process, url):
        os.killpg(process.pid, signal.SIGINT)
        assert query(url, "SELECT pg_sleep(0.2) IS NOT NULL") is True
        assert os.getsid(main_process(data_dir.path).pid) != process.pid


def test_a_stop_cuts_off_clients_and_is_quick(data_dir: DataDir) -> None:
    with running(data_dir.path) as (server, url), psycopg.connect(url) as client:
        client.execute("SELECT 1")  # an open transaction
        begin = time.monotonic()
        server.stop()
        assert time.monotonic() - begin < 3
        assert not server.alive()
        assert not server_processes(data_dir.path)
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")


def test_a_server_that_hangs_is_stopped_in_time(data_dir: DataDir) -> None:
    with running(data_dir.path) as (server, _):
        main_process(data_dir.path).suspend()
        begin = time.monotonic()
        server.stop(timeout_s=1)
        assert time.monotonic() - begin < 3
        assert not server.alive()


def test_a_server_that_ends_while_it_is_looked_at_is_collected(data_dir: DataDir, monkeypatch) -> None:
    look = embedded._lives

    def ends(pid: int) -> bool:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
        while look(pid):
            time.sleep(0.001)
        return look(pid)

    with running(data_dir.path) as (server, _):
        process = server._process
        monkeypatch.setattr(embedded, "_lives", ends)
        server.stop()
        assert process.returncode == -signal.SIGKILL


def test_a_start_on_an_existing_database_is_fast(data_dir: DataDir) -> None:
    times = []
    for _ in range(3):
        begin = time.monotonic()
        with running(data_dir.path):
            times.append(time.monotonic() - begin)
    assert min(times) < 1.5  # nothing sleeps a second and nothing is made anew, on a busy machine too


def test_only_the_password_opens_it(data_dir: DataDir) -> None:
    with running(data_dir.path) as (_, url):
        passfile = data_dir.keys / "postgres.pgpass"
        assert passfile.stat().st_mode & 0o777 == 0o600
        without = url.split("&passfile=")[0]
        for refused in (
            without,
            without.replace("gateway@", "gateway:wrong@"),
            url.replace("gateway@", "postgres@"),
            url.replace("/gateway?", "/postgres?"),
        ):
            with pytest.raises(psycopg.OperationalError, match=r"no password|authentication failed|no pg_hba"):
                psycopg.connect(refused, passfile=None if refused == without else "").close()
        assert query(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False


def test_the_password_is_nowhere_but_in_its_file(data_dir: DataDir) -> None:
    with running(data_dir.path) as (_, url):
        password = (data_dir.keys / "postgres.pgpass").read_text().strip().split(":")[-1]
        assert len(password) == 64
        assert password not in url
        for process in server_processes(data_dir.path):
            with suppress(psutil.NoSuchProcess):  # PostgreSQL's workers come and go
                assert password not in " ".join(process.cmdline())
                assert password not in str(process.environ())
        assert password not in (data_dir.logs / "postgres.log").read_text()
        assert not list(data_dir.path.glob("postgres.new-*"))


def test_the_environment_of_the_gateway_stays_its_own(data_dir: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_CANARY", "secret")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    with running(data_dir.path) as (_, url):
        assert query(url, "SELECT 1") == 1
        assert "GATEWAY_CANARY" not in main_process(data_dir.path).environ()


def test_nothing_listens_on_tcp(data_dir: DataDir) -> None:
    with running(data_dir.path) as (_, url):
        sockets = main_process(data_dir.path).net_connections("all")
        assert {net.family.name for net in sockets} == {"AF_UNIX"}
        assert query(url, "SHOW listen_addresses") == ""


def test_data_is_safe_and_readable_everywhere(data_dir: DataDir) -> None:
    with running(data_dir.path) as (_, url):
        assert {
            name: query(url, f"SHOW {name}")
            for name in (
                "data_checksums",
                "fsync",
                "full_page_writes",
                "synchronous_commit",
                "server_encoding",
            )
        } == {
            "data_checksums": "on",
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "server_encoding": "UTF8",
        }
        assert query(url, "SELECT lower('ÄÖÜ') || datlocale FROM pg_database") == "äöüC.UTF-8"


def test_the_url_works_for_sqlalchemy_too(data_dir: DataDir) -> None:
    with running(data_dir.path) as (_, url):
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as connection:
            assert connection.execute(text("SELECT current_user")).scalar() == "gateway"
        engine.dispose()


def test_the_url_of_a_running_server_is_found_and_a_stopped_ones_is_not(data_dir: DataDir) -> None:
    beside = DataDir(data_dir.path)
    assert EmbeddedPostgres.url_of_running(beside) is None
    with running(data_dir.path) as (server, url):
        assert EmbeddedPostgres.url_of_running(beside) == url
        server.stop()
        assert EmbeddedPostgres.url_of_running(beside) is None


def test_a_server_that_is_started_again_is_waited_for(data_dir: DataDir) -> None:
    waits = threading.Event()

    class Beside(DataDir):
        def published(self) -> dict[str, Any] | None:
            waits.set()
            return super().published()

    with running(data_dir.path) as (server, url), ThreadPoolExecutor(1) as pool:
        server.stop()
        found = pool.submit(EmbeddedPostgres.url_of_running, Beside(data_dir.path), 60)
        assert waits.wait(30)
        server.start()
        assert found.result() == url


def test_a_path_too_long_for_a_socket_works(own_dir: DataDir) -> None:
    long = own_dir.path / ("long" * 30) / "one, two"
    long.mkdir(parents=True)
    shutil.move(own_dir.postgres, long)
    own_dir.keys.rename(long / "keys")
    with running(long) as (_, url):
        assert query(url, "SELECT 1") == 1
        assert EmbeddedPostgres.url_of_running(DataDir(long)) == url
        socket_dir = Path(psycopg.conninfo.conninfo_to_dict(url)["host"])
        assert socket_dir.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(socket_dir)


def test_a_socket_directory_of_someone_else_is_refused(own_dir: DataDir) -> None:
    long = own_dir.path / ("long" * 30)
    long.mkdir()
    shutil.move(own_dir.postgres, long)
    status = (long / "postgres").stat()
    squatted = Path(tempfile.gettempdir(), f"uag-{status.st_dev:x}-{status.st_ino:x}")
    squatted.symlink_to(own_dir.models)
    try:
        with pytest.raises(MissingPart, match="cannot hold the database's socket"), running(long):
            pass
    finally:
        squatted.unlink()
    assert own_dir.models.stat().st_uid == os.geteuid()


def test_a_lost_password_is_renewed(own_dir: DataDir) -> None:
    (own_dir.keys / "postgres.pgpass").unlink()
    with running(own_dir.path) as (_, url):
        assert query(url, "SELECT 1") == 1


def test_a_wrong_password_file_is_explained(own_dir: DataDir) -> None:
    passfile = own_dir.keys / "postgres.pgpass"
    passfile.write_text("*:*:*:*:wrong\n")
    with pytest.raises(MissingPart, match=f"remove {passfile}"), running(own_dir.path):
        pass
    assert not server_processes(own_dir.path)


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("15", "made by PostgreSQL 15, this release has 18: back it up"),
        ("19", "start a newer release"),
        ("", "is no PostgreSQL database; move it away"),
    ],
)
def test_a_database_of_another_version_is_explained(empty_dir: DataDir, version: str, told: str) -> None:
    empty_dir.postgres.mkdir()
    (empty_dir.postgres / "PG_VERSION").write_text(version)
    with pytest.raises(MissingPart, match=told), running(empty_dir.path):
        pass
    assert (empty_dir.postgres / "PG_VERSION").read_text() == version


ROWS = "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM t"
SCHEMA = """
    SELECT md5(string_agg(relname || '.' || attname, ',' ORDER BY relname, attnum))
      FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
     WHERE relnamespace = 'public'::regnamespace AND attnum > 0
"""


@pytest.mark.parametrize("is_whole", [False, pytest.param(True, marks=pytest.mark.soak)], ids=["a table", "the schema"])
def test_a_database_of_the_version_before_is_moved_or_left_as_it_was(
    empty_dir: DataDir, monkeypatch: pytest.MonkeyPatch, *, is_whole: bool
) -> None:
    """The server before was killed, and the first attempt fails, for want of checksums."""
    with servers_of(PROGRAMS_BEFORE) as version, running(empty_dir.path) as (_, url):
        if is_whole:
            engine = create_engine(sqlalchemy_url(url))
            migrate(engine, ROOT / "migrations")
            engine.dispose()
        query(url, "CREATE TABLE t AS SELECT id, 'Zürich ' || id AS name FROM generate_series(1, 999) id")
        hashed = query(url, ROWS), query(url, SCHEMA)
        main_process(empty_dir.path).kill()
    with monkeypatch.context() as hindered:
        hindered.setattr(cluster, "INITDB_OPTIONS", (*cluster.INITDB_OPTIONS, "--no-data-checksums"))
        with pytest.raises(MissingPart, match=r"checksums.*it is as it was"), running(empty_dir.path):
            pass
    assert (empty_dir.postgres / "PG_VERSION").read_text().strip() == str(version)
    with running(empty_dir.path) as (_, url):
        assert (query(url, ROWS), query(url, SCHEMA)) == hashed
        assert str(query(url, "SHOW server_version")).startswith(f"{cluster.SERVER_VERSION}.")
        assert query(url, "SELECT tableowner FROM pg_tables WHERE tablename = 't'") == "gateway"
    assert [path.name for path in empty_dir.path.glob("postgres*")] == ["postgres"]


def test_programs_that_cannot_be_run_are_explained(empty_dir: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = empty_dir.path / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (programs / "initdb").touch(mode=0o600)
    monkeypatch.setattr("gateway.core.postgres.cluster._find_programs", lambda: programs)
    with pytest.raises(MissingPart, match="initdb cannot be run"), running(empty_dir.path):
        pass
    assert not list(empty_dir.path.glob("postgres*"))


def test_a_directory_that_is_no_database_is_left_alone(empty_dir: DataDir) -> None:
    empty_dir.postgres.mkdir()
    (empty_dir.postgres / "diary.txt").write_text("mine")
    with pytest.raises(MissingPart, match="move it away"), running(empty_dir.path):
        pass
    assert (empty_dir.postgres / "diary.txt").read_text() == "mine"


@pytest.mark.parametrize("seconds", [0.3, 0.6])
def test_a_first_start_killed_half_way_does_no_harm(seconds: float) -> None:
    with directory() as path:
        with owner_in_background(path) as process:
            time.sleep(seconds)
            process.kill()
        with running(path) as (_, url):
            assert query(url, "SELECT 1") == 1
        assert not list(path.glob("postgres.new-*"))


@contextmanager
def owner_in_background(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", OWNER, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        yield process


@pytest.mark.parametrize("megabytes", [20, 42])
def test_a_full_disk_is_explained(empty_dir: DataDir, megabytes: int) -> None:
    """The disk fills up while the database is made, and again while it is filled."""
    sandbox = ["--unshare-user", "--uid", "65534", "--gid", "65534"]  # any ordinary user with a name
    disk = ["--size", str(megabytes * 2**20), "--tmpfs", str(empty_dir.path)]
    done = subprocess.run(
        ["bwrap", "--dev-bind", "/", "/", *sandbox, *disk, sys.executable, "-c", OWNER, str(empty_dir.path)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert "is full; free some space" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_log_stays_bounded(data_dir: DataDir) -> None:
    with running(data_dir.path) as (server, url):
        log = data_dir.logs / "postgres.log"
        with log.open("a") as file:
            file.write("x" * (LOG_LIMIT_BYTES + 1))
        assert server.alive()
        assert log.stat().st_size == 0
        with pytest.raises(psycopg.errors.UndefinedTable):
            query(url, "SELECT 'canary' FROM nowhere")
        server.stop()
        assert "database system is shut down" in log.read_text()
        assert "canary" not in log.read_text()
        assert "nowhere" not in log.read_text()
