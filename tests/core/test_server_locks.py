"""What a server's lock files say: whether there is one, and whose."""

import shutil
import subprocess

import pytest

from gateway.core.data_dir import DataDir
from gateway.core.postgres.cluster import PostgresCluster
from tests.conftest import wait_until
from tests.core.conftest import query, running


def test_a_server_that_somebody_started_by_hand_is_ended_before_the_next_starts(own_dir: DataDir) -> None:
    """It keeps its lock file as long as it is at work on the directory."""
    made, status_file = PostgresCluster(own_dir), own_dir.postgres / "postmaster.pid"
    where = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={own_dir.postgres}")
    by_hand = made.spawn("postgres", "-D", str(own_dir.postgres), *where, dies_by="QUIT", stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: status_file.exists() and "ready" in status_file.read_text(), 5, 0.01)
        with running(own_dir.path) as (_, url):
            assert by_hand.poll() == 0
            assert query(url, "SELECT 1") == 1
    finally:
        by_hand.kill()
        by_hand.wait()


@pytest.mark.parametrize("lines", [8, 3, 0], ids=["running", "starting", "before it was written"])
def test_the_number_of_a_dead_server_given_to_another_process_does_no_harm(own_dir: DataDir, lines: int) -> None:
    with running(own_dir.path) as (_, url):
        query(url, "CREATE TABLE kept AS SELECT 1")
        status_file = own_dir.postgres / "postmaster.pid"
        status = status_file.read_text()
    account = own_dir.postgres.stat().st_uid  # PostgreSQL minds no other's processes
    with subprocess.Popen(["sleep", "60"], user=account) as bystander:
        try:
            status = status.replace(status.split()[0], str(bystander.pid), 1)
            status_file.write_text("".join(status.splitlines(keepends=True)[:lines]))
            status_file.chmod(0o600)
            status_file.with_name(".s.PGSQL.5432.lock").write_text(status_file.read_text())
            shutil.chown(status_file, account)
            with running(own_dir.path) as (_, url):
                assert query(url, "SELECT * FROM kept") == 1
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_a_copy_of_a_directory_in_use_takes_nothing_from_it(data_dir: DataDir, own_dir: DataDir) -> None:
    with running(data_dir.path):
        subprocess.run(["cp", "-a", str(data_dir.postgres / "postmaster.pid"), str(own_dir.postgres)], check=True)
        with running(own_dir.path) as (_, url):
            assert query(url, "SELECT 1") == 1
        assert (data_dir.postgres / ".s.PGSQL.5432.lock").exists()
