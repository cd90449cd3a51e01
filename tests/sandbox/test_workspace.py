"""The workspace takes files in and gives artifacts out, and is never led astray by what the run left in it."""

import os
import socket
import stat
import tracemalloc
from io import BytesIO
from pathlib import Path

import pytest

from gateway.adapters.sandboxes.base import MIB
from gateway.adapters.sandboxes.workspace import (
    MAX_DEPTH,
    UNPRIVILEGED_ID,
    collect,
    open_folder,
    place,
    prepare,
    remove,
    safe_name,
    usage,
)

PATHS = ["", " ", ".", "..", "/", "a/b", "/etc/passwd", "../up", "a\\b", "..\\up", "\x00", "\n", "\u202e"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "stored"
    file.write_bytes(b"content")
    file.chmod(0o400)
    return file


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Something of the host's that a run would like to get or destroy."""
    folder = tmp_path / "host"
    folder.mkdir()
    (folder / "secret").write_text("the host's own")
    return folder


def open_descriptors() -> set[str]:
    """Of this process, by number."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def collected(workspace: Path, **limits: int) -> dict[str, bytes | str]:
    """What `collect` gives: content or the reason for refusal, by name."""
    return {
        found.name: found.refused if found.file is None else found.file.read() for found in collect(workspace, **limits)
    }


def test_inputs_are_copies_that_only_the_run_may_touch(tmp_path, source) -> None:
    workspace = prepare(tmp_path / "work", "run-1", [("data.csv", source)])
    copy = workspace / "inputs" / "data.csv"
    assert copy.read_bytes() == b"content"
    assert copy.stat().st_ino != source.stat().st_ino
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    for folder in (workspace, workspace / "inputs", workspace / "artifacts"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    owner = UNPRIVILEGED_ID if os.geteuid() == 0 else os.geteuid()
    assert {path.stat().st_uid for path in (workspace, *workspace.rglob("*"))} == {owner}


def test_inputs_of_the_same_name_are_all_there(tmp_path, source) -> None:
    names = ["a.txt", "a.txt", "a-2.txt", "a.txt", "a\x07.txt"]
    workspace = prepare(tmp_path / "work", "run-1", [(name, source) for name in names])
    assert sorted(path.name for path in (workspace / "inputs").iterdir()) == [
        "a-2-2.txt", "a-2.txt", "a-3.txt", "a-4.txt", "a.txt"
    ]  # fmt: skip


@pytest.mark.parametrize("name", PATHS)
def test_a_name_that_is_more_than_a_name_is_refused(tmp_path, source, name) -> None:
    with pytest.raises(ValueError, match="plain file name"):
        prepare(tmp_path / "work", "run-1", [(name, source)])
    with pytest.raises(ValueError, match="plain file name"):
        prepare(tmp_path / "work", name)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("-rf", "-rf"),
        (".bashrc", ".bashrc"),
        ("two\nlines\x1b[31m.txt", "twolines[31m.txt"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        ("Übersicht 2026.xlsx", "Übersicht 2026.xlsx"),
        ("bad\udcff.txt", "bad?.txt"),
        ("x" * 500 + ".tar.gz", "x" * 197 + ".gz"),
        ("ü" * 300, "ü" * 100),
    ],
)
def test_names_are_made_safe(name, safe) -> None:
    assert safe_name(name) == safe
    assert len(safe.encode()) <= 200


def test_one_run_never_gets_the_workspace_of_another(tmp_path) -> None:
    prepare(tmp_path / "work", "run-1")
    with pytest.raises(FileExistsError):
        prepare(tmp_path / "work", "run-1")


def test_a_script_is_placed_where_the_run_can_execute_it(workspace, run) -> None:
    assert place(workspace, "script", BytesIO(b"#!/bin/sh\necho placed\n")) == "script"
    assert run("/workspace/script").stdout == b"placed\n"


def test_a_script_of_any_size_is_placed_without_being_held_in_memory(workspace, tmp_path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(32 * MIB)
    tracemalloc.start()
    try:
        with large.open("rb") as source:
            place(workspace, "script", source)
        assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    finally:
        tracemalloc.stop()
    assert (workspace / "script").stat().st_size == 32 * MIB


def test_a_file_is_never_placed_through_what_is_there(workspace, secret) -> None:
    (workspace / "script").symlink_to(secret / "secret")
    (workspace / "new").symlink_to(secret / "new")
    for name in ("script", "new"):
        with pytest.raises(FileExistsError):
            place(workspace, name, BytesIO(b"overwritten"))
    assert (secret / "secret").read_text() == "the host's own"
    assert not (secret / "new").exists()


def test_artifacts_keep_their_folders_and_content(workspace) -> None:
    (workspace / "artifacts" / "plots" / "deep").mkdir(parents=True)
    (workspace / "artifacts" / "report.md").write_bytes(b"# Report")
    (workspace / "artifacts" / "plots" / "deep" / "a b.png").write_bytes(b"\x89PNG")
    (workspace / "elsewhere").write_bytes(b"not an artifact")
    assert collected(workspace) == {"report.md": b"# Report", "plots/deep/a b.png": b"\x89PNG"}


def test_nothing_but_plain_files_is_opened(workspace, secret) -> None:
    """Each of these would hang, or hand out what is not the run's."""
    artifacts = workspace / "artifacts"
    (artifacts / "to-file").symlink_to(secret / "secret")
    (artifacts / "to-folder").symlink_to(secret)
    (artifacts / "dangling").symlink_to(secret / "none")
    (artifacts / "relative").symlink_to("../../../host/secret")
    os.mkfifo(artifacts / "pipe")
    os.link(secret / "secret", artifacts / "hard-link")
    with socket.socket(socket.AF_UNIX) as listener:
        folder = os.open(artifacts, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{folder}/socket")
        os.close(folder)
    if os.geteuid() == 0:
        os.mknod(artifacts / "device", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    found = collected(workspace)
    expected = {"to-file", "to-folder", "dangling", "relative", "pipe", "hard-link", "socket"}
    assert found.keys() - {"device"} == expected
    assert found.pop("hard-link") == "it is a hard link"
    assert set(found.values()) == {"it is not a plain file"}


@pytest.mark.parametrize("kind", ["symlink", "file", "missing"])
def test_an_artifacts_folder_that_was_replaced_is_refused(workspace, secret, kind) -> None:
    (workspace / "artifacts").rmdir()
    if kind == "symlink":
        (workspace / "artifacts").symlink_to(secret)
    elif kind == "file":
        (workspace / "artifacts").write_text("a file")
    assert collected(workspace) == {"artifacts": "it is not a folder"}


def test_a_folder_swapped_for_a_link_while_collecting_leads_nowhere(workspace, secret) -> None:
    """The run is over by then, but nothing here relies on it."""
    folder = workspace / "artifacts" / "folder"
    folder.mkdir()
    for number in range(3):
        (folder / f"file-{number}").write_text("mine")
    (secret / "file-0").write_text("the host's own")
    names = []
    for found in collect(workspace):
        names.append(found.name)
        assert found.file is not None
        assert found.file.read() == b"mine"
        if len(names) == 1:
            folder.rename(workspace / "artifacts-moved")
            folder.symlink_to(secret)
    assert sorted(names) == ["folder/file-0", "folder/file-1", "folder/file-2"]


def test_what_is_locked_is_collected_all_the_same(workspace) -> None:
    folder = workspace / "artifacts" / "locked"
    folder.mkdir()
    (folder / "file").write_bytes(b"mine")
    folder.chmod(0)
    assert collected(workspace) == {"locked/file": b"mine"}


def test_names_come_out_as_text_that_can_be_stored(workspace) -> None:
    for name in (b"bad\xff", b"new\nline", "rtl\u202etxt".encode()):
        Path(os.fsdecode(bytes(workspace / "artifacts") + b"/" + name)).write_bytes(b"")
    assert set(collected(workspace)) == {"bad\ufffd", "new\ufffdline", "rtl\ufffdtxt"}


def test_the_number_and_size_of_artifacts_are_bounded(workspace) -> None:
    for number in range(5):
        (workspace / "artifacts" / f"file-{number}").write_bytes(b"x" * 100)
    few = list(collected(workspace, max_files=3).values())
    assert few == [b"x" * 100] * 3 + ["there are more than 3 files"]
    small = list(collected(workspace, max_bytes=250).values())
    assert small == [b"x" * 100] * 2 + ["the artifacts are too big together"] * 3


def test_too_deep_folders_are_told_and_left_out(workspace) -> None:
    deep(workspace / "artifacts", MAX_DEPTH + 20)
    assert list(collected(workspace).values()) == [f"it is deeper than {MAX_DEPTH} folders"]


def deep(folder: Path, levels: int) -> None:
    """Make folders in folders, beyond any path's longest length."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 50, dir_fd=here)
        below = os.open("d" * 50, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def measured(workspace: Path, max_files: int = 1000) -> int:
    folder = open_folder(None, str(workspace))
    try:
        return usage(folder, 10 * MIB, max_files)
    finally:
        os.close(folder)


def test_usage_counts_disk_blocks_once(workspace) -> None:
    empty = measured(workspace)
    (workspace / "file").write_bytes(b"x" * MIB)
    assert 0 <= measured(workspace) - empty - MIB <= 8192
    os.link(workspace / "file", workspace / "same")
    with (workspace / "sparse").open("wb") as file:
        file.truncate(100 * MIB)
    assert 0 <= measured(workspace) - empty - MIB <= 8192


def test_usage_is_over_the_limit_for_a_tree_too_wide_or_deep(workspace, tmp_path) -> None:
    for number in range(20):
        (workspace / f"file-{number}").touch()
    assert measured(workspace, max_files=30) <= 10 * MIB
    assert measured(workspace, max_files=10) > 10 * MIB
    other = prepare(tmp_path / "work", "run-2")
    deep(other, MAX_DEPTH + 1)
    assert measured(other) > 10 * MIB


def test_usage_does_not_follow_links(workspace, secret) -> None:
    (secret / "big").write_bytes(b"x" * MIB)
    (workspace / "link").symlink_to(secret)
    assert measured(workspace) < MIB


def test_removal_takes_only_the_workspace(workspace, secret) -> None:
    locked = workspace / "a" / "locked"
    locked.mkdir(parents=True)
    (locked / "file").touch()
    (locked / "link").symlink_to(secret)
    (workspace / "link").symlink_to(secret, target_is_directory=True)
    os.mkfifo(workspace / "pipe")
    locked.chmod(0)
    (workspace / "a").chmod(0o500)
    workspace.chmod(0)
    remove(workspace)
    assert not workspace.exists()
    assert (secret / "secret").read_text() == "the host's own"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o755


def test_removal_of_a_workspace_that_became_a_link_spares_its_target(workspace, secret) -> None:
    remove(workspace)
    workspace.symlink_to(secret)
    with pytest.raises(NotADirectoryError):
        remove(workspace)
    assert (secret / "secret").exists()
    workspace.unlink()


@pytest.mark.parametrize("levels", [100, 3000])
def test_removal_of_a_tree_deeper_than_any_path(workspace, levels) -> None:
    deep(workspace, levels)
    deep(workspace / "inputs", 10)
    remove(workspace)
    assert not workspace.exists()


def test_removing_twice_is_fine(workspace) -> None:
    remove(workspace)
    remove(workspace)


def test_no_descriptor_is_left_open(workspace) -> None:
    deep(workspace / "artifacts", 5)
    (workspace / "artifacts" / "file").write_bytes(b"x")
    before = open_descriptors()
    assert next(collect(workspace))
    collected(workspace)
    measured(workspace)
    remove(workspace)
    assert open_descriptors() == before
