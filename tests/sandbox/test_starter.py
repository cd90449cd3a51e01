"""What the thread that starts sandboxes hands on, and what it keeps for itself."""

import os
from pathlib import Path

from gateway.adapters.sandboxes.base import Command, Limits
from gateway.adapters.sandboxes.bubblewrap_process import Box
from gateway.adapters.sandboxes.unprivileged import STARTER
from gateway.adapters.sandboxes.workspace import UNPRIVILEGED_ID, prepare, remove
from tests.conftest import wait_until


def status(path: str) -> dict[str, list[str]]:
    """Fields of a status file of /proc."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}


def test_what_is_started_is_nobody_and_the_thread_is_itself_again(tmp_path: Path) -> None:
    workspace = prepare(tmp_path, "one")
    before = STARTER.submit(status, "/proc/thread-self/status").result()
    box = STARTER.submit(Box, workspace, Command(["true"]), Limits()).result()
    nobody = str(UNPRIVILEGED_ID if os.geteuid() == 0 else os.geteuid())
    there = f"/proc/{box.process.pid}/status"
    try:
        # The kernel lets us go on a moment before the new program has its ids.
        wait_until(lambda: status(there)["Uid"] == [nobody] * 4, 5)  # real, effective, saved and that of files
        started = status(there)
    finally:
        box.stdin.close()  # the gate stays shut
        box.process.wait()
        os.close(box.handle)
        for pipe in (box.stdout, box.stderr):
            pipe.close()
        remove(workspace)
    assert started["CapPrm"] == started["CapAmb"] == ["0000000000000000"]
    if os.geteuid() == 0:
        assert started["Gid"] == [nobody] * 4
        assert started["Groups"] == []
    after = STARTER.submit(status, "/proc/thread-self/status").result()
    names = ("Uid", "Gid", "Groups", "CapPrm", "CapEff")
    assert [after[name] for name in names] == [before[name] for name in names]
    assert not Path("/mnt/artifacts").exists(), "the workspace is shown to the child alone"
