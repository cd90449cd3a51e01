"""What a tree of processes uses, read from /proc: the second line behind the kernel's per-process limits.

Those count each process alone; a command may use many, each below its limit.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What a tree holds now, and the processor time it has taken, that of ended children included."""

    memory_bytes: int
    cpu_s: float


def can_be_read() -> bool:
    """Whether this kernel tells a process's children (CONFIG_PROC_CHILDREN)."""
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists()


def usage(root: int, memory_limit: int) -> Usage:
    """Measure the tree below process `root`, itself included.

    Memory is the sum of resident sizes, which counts shared pages once for each process. Only when that sum
    is above `memory_limit` are the proportional sizes read, which are exact but slow.
    """
    resident: dict[int, int] = {}
    ticks = 0
    for pid in tree(root):
        if fields := _stat(pid):
            ticks += sum(int(field) for field in fields[11:15])
            resident[pid] = int(fields[21]) * _PAGE
    memory = sum(resident.values())
    if memory > memory_limit:
        memory = sum(_proportional(pid) for pid in resident)
    return Usage(memory, ticks / _TICKS)


def deleted_files(root: int, device: int) -> int:
    """Return the bytes on `device` held by the tree's open files that have no name any more."""
    sizes: dict[int, int] = {}
    for pid in tree(root):
        try:
            with os.scandir(f"/proc/{pid}/fd") as descriptors:
                for descriptor in descriptors:
                    status = descriptor.stat()
                    if status.st_nlink == 0 and status.st_dev == device:
                        sizes[status.st_ino] = status.st_blocks * 512
        except OSError:
            continue  # it ended, or closed the file, meanwhile
    return sum(sizes.values())


def tree(root: int) -> Iterator[int]:
    """Yield `root` and all processes below it that are there while reading."""
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children(pid)


def children(pid: int) -> list[int]:
    """Return the children of all threads of a process; none when it has ended."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    return [int(child) for thread in threads for child in _read(f"{thread}/children").split()]


def is_filtered(pid: int) -> bool:
    """Whether a seccomp filter is in force on a process."""
    return "\nSeccomp:\t2" in _read(f"/proc/{pid}/status")


def _proportional(pid: int) -> int:
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    # It hides: take the larger figure. Or it ended since it was counted, and its shared pages are others' now.
    fields = _stat(pid)
    return int(fields[21]) * _PAGE if fields else 0


def _stat(pid: int) -> list[str]:
    """Return proc_pid_stat(5) from field 3 on; nothing when the process has ended."""
    # After the name in parentheses, which may hold anything.
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def _read(path: str) -> str:
    """Return a file of a process, empty when the process has ended."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
