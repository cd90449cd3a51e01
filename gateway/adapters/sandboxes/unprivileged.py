"""The thread that starts sandboxes. Where the node runs as root, it does so as an unprivileged user.

Credentials and mounts belong to a thread (credentials(7), unshare(2)), so this one alone puts root's off for as long
as starting takes. Its child then needs no copy of the node's memory to do that itself between fork and exec: with
`vfork` a start costs a fifth of the processor time. What it executes cannot get back: `execve` replaces the saved id.
"""

import ctypes
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from gateway.adapters.sandboxes.workspace import UNPRIVILEGED_ID

STARTER = ThreadPoolExecutor(1, thread_name_prefix="sandbox-start")
"""A single thread that lives as long as the node: the kernel ends what it started when it ends."""

MOUNT_POINT = "/mnt"
"""Where the starter's own mount namespace shows the workspace, which its user can usually not reach by its path."""

_CLONE_NEWNS, _MS_BIND, _MS_REC, _MS_PRIVATE, _MNT_DETACH = 0x20000, 0x1000, 0x4000, 0x40000, 2
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_SYSTEM_CALLS = {"x86_64": (116, 119, 117), "aarch64": (159, 149, 147)}
"""Numbers of setgroups, setresgid and setresuid: the C library's functions of these names change every thread."""


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@contextmanager
def unprivileged(workspace: Path) -> Iterator[None]:
    """In the starter of a root node: what starts meanwhile is unprivileged and sees the workspace. Raises OSError."""
    setgroups, setresgid, setresuid = _SYSTEM_CALLS[os.uname().machine]
    groups, group = os.getgroups(), os.getgid()
    _show(workspace)
    _check(_libc().prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
    try:
        _check(_libc().syscall(setgroups, 0, None))
        _check(_libc().syscall(setresgid, UNPRIVILEGED_ID, UNPRIVILEGED_ID, UNPRIVILEGED_ID))
        _check(_libc().syscall(setresuid, UNPRIVILEGED_ID, UNPRIVILEGED_ID, 0))
        yield
    finally:  # should one of these fail, the thread stays as it is, and the next sandbox cannot be started
        _check(_libc().syscall(setresuid, 0, 0, 0))
        _check(_libc().syscall(setresgid, group, group, group))
        _check(_libc().syscall(setgroups, len(groups), (ctypes.c_uint32 * len(groups))(*groups)))


def _show(workspace: Path) -> None:
    """Mounts the workspace in a namespace of the next child's own; those before it keep theirs."""
    source, target = os.fsencode(workspace), os.fsencode(MOUNT_POINT)
    _check(_libc().unshare(_CLONE_NEWNS))
    _check(_libc().mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None))
    _libc().umount2(target, _MNT_DETACH)  # the workspace before, if there was one
    _check(_libc().mount(source, target, None, _MS_BIND, None))


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), f"{os.strerror(ctypes.get_errno())}, on the way from root to another user")
