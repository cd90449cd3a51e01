"""The data directory: private, held by one process at a time, and clear about why it cannot be used."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.core.data_dir import DataDir, write_private
from gateway.core.errors import AlreadyRunning, MissingPart

ROOT = Path(__file__).parents[2]

HOLDER = """
import sys, time
from pathlib import Path
from gateway.core.data_dir import DataDir
data_dir = DataDir(Path(sys.argv[1]))
data_dir.prepare()
with data_dir.lock():
    data_dir.publish({"role": "gateway", "url": "http://127.0.0.1:12080"})
    print("held", flush=True)
    time.sleep(60)
"""

PREPARER = """
import sys
from pathlib import Path
from gateway.core.data_dir import DataDir
from gateway.core.errors import MissingPart
try:
    DataDir(Path(sys.argv[1])).prepare()
except MissingPart as error:
    print(error)
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    data_dir = DataDir(tmp_path / "data")
    data_dir.prepare()
    return data_dir


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def prepare_in_sandbox(path: Path, *mounts: str) -> str:
    """What `prepare` says in a mount namespace of its own."""
    command = ["bwrap", "--dev-bind", "/", "/", *mounts, sys.executable, "-c", PREPARER, str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_in_it_is_private(data_dir: DataDir) -> None:
    assert [mode(path) for path in (data_dir.path, *data_dir.path.iterdir())] == [0o700] * 6
    with data_dir.lock():
        assert mode(data_dir.path / "gateway.json") == 0o600
        assert mode(data_dir.path / "gateway.lock") == 0o600


def test_preparing_twice_changes_nothing(data_dir: DataDir) -> None:
    (data_dir.keys / "one").write_text("kept")
    data_dir.prepare()
    assert (data_dir.keys / "one").read_text() == "kept"
    assert sorted(path.name for path in data_dir.path.iterdir()) == [
        "artifacts",
        "keys",
        "logs",
        "models",
        "work",
    ]


def test_the_second_process_is_told_who_holds_it(data_dir: DataDir) -> None:
    with holder(data_dir.path) as first, pytest.raises(AlreadyRunning) as refused, data_dir.lock():
        pass
    assert str(first.pid) in str(refused.value)
    assert "http://127.0.0.1:12080" in str(refused.value)
    assert "--data-dir" in str(refused.value)


def test_a_second_holder_in_the_same_process_is_refused(data_dir: DataDir) -> None:
    second = DataDir(data_dir.path)
    with (
        data_dir.lock("restore"),
        pytest.raises(AlreadyRunning, match=r"restore, process \d+"),
        second.lock(),
    ):
        pass
    with DataDir(data_dir.path).lock():
        assert not data_dir.held


def test_a_killed_holder_leaves_it_free(data_dir: DataDir) -> None:
    with holder(data_dir.path) as first:
        assert data_dir.published() == {
            "pid": first.pid,
            "role": "gateway",
            "url": "http://127.0.0.1:12080",
        }
        first.send_signal(signal.SIGKILL)
        with data_dir.lock():
            assert data_dir.held
            published = data_dir.published()
            assert published is not None
            assert published["pid"] == os.getpid()


def test_what_a_killed_holder_published_does_not_count(data_dir: DataDir) -> None:
    with holder(data_dir.path) as first:
        first.kill()
        first.wait()
        assert (data_dir.path / "gateway.json").exists()
        assert data_dir.published() is None
    # The number may be given to another process meanwhile: then the free lock tells.
    write_private(data_dir.path / "gateway.json", json.dumps({"pid": os.getppid(), "url": "http://x"}))
    assert data_dir.published() is None


def test_nothing_is_published_by_who_does_not_hold_it(data_dir: DataDir) -> None:
    with pytest.raises(RuntimeError):
        data_dir.publish({"url": "http://127.0.0.1:1"})
    with data_dir.lock():
        data_dir.publish({"url": "http://127.0.0.1:1"})
    assert data_dir.published() is None
    assert not (data_dir.path / "gateway.json").exists()


def test_a_broken_file_counts_as_nothing_published(data_dir: DataDir) -> None:
    with data_dir.lock():
        for broken in ("", "{", "[]", '{"pid": "1"}'):
            (data_dir.path / "gateway.json").write_text(broken)
            assert DataDir(data_dir.path).published() is None


def test_a_file_in_its_place_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(MissingPart, match="is no directory; move that file away"):
            DataDir(path).prepare()


def test_a_read_only_directory_is_explained(tmp_path: Path) -> None:
    assert "is read-only; mount it writable" in prepare_in_sandbox(tmp_path, "--ro-bind", str(tmp_path), str(tmp_path))


def test_a_directory_of_another_user_is_explained(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    said = prepare_in_sandbox(tmp_path, "--unshare-user", "--uid", "1000", "--cap-drop", "ALL")
    assert "belongs to another user; start as that user" in said


def test_a_full_disk_is_explained(tmp_path: Path) -> None:
    said = prepare_in_sandbox(tmp_path, "--size", "8192", "--tmpfs", str(tmp_path))
    assert "is full; free some space" in said


def test_a_private_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_private(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "new \udc80")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]
    assert mode(path) == 0o600
