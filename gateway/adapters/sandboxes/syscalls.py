"""The system calls no sandboxed program gets, as the seccomp filter the kernel runs on each of its calls.

Closed: what reaches past the namespaces (keyrings, sockets to the hypervisor, the kernel log) and what takes
memory that no limit counts (System V IPC, memfd, io_uring). Everything else is left to the namespaces.
"""

import errno
import platform
import struct
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class _Machine:
    """One processor's numbers (linux/audit.h, and asm/unistd.h of that processor)."""

    audit_arch: int
    socket: int
    ioctl: int
    closed: frozenset[int]


_MACHINES = {
    "x86_64": _Machine(
        audit_arch=0xC000003E,
        socket=41,
        ioctl=16,
        closed=frozenset(
            (
                *(29, 64, 68),  # shmget semget msgget
                *(103, 179, 443),  # syslog quotactl quotactl_fd
                *(248, 249, 250),  # add_key request_key keyctl
                *(298, 321, 323),  # perf_event_open bpf userfaultfd
                *(303, 304),  # name_to_handle_at open_by_handle_at
                *(319, 447),  # memfd_create memfd_secret
                *(425, 426, 427),  # io_uring_setup io_uring_enter io_uring_register
            )
        ),
    ),
    "aarch64": _Machine(
        audit_arch=0xC00000B7,
        socket=198,
        ioctl=29,
        closed=frozenset(
            (
                *(194, 190, 186),
                *(116, 60, 443),
                *(217, 218, 219),
                *(241, 280, 282),
                *(264, 265),
                *(279, 447),
                *(425, 426, 427),
            )
        ),
    ),
}

# Numbers from here on are x86's x32 calls: the same calls by other numbers.
_X32_CALLS = 0x40000000
_SOCKET_FAMILIES = (1, 2, 10, 16)  # AF_UNIX AF_INET AF_INET6 AF_NETLINK: those a network namespace holds
_TERMINAL_INJECTION = (0x5412, 0x541C)  # TIOCSTI TIOCLINUX

# Offsets into struct seccomp_data.
_NUMBER, _ARCH, _ARGUMENT_0, _ARGUMENT_1 = 0, 4, 16, 24

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000


def supported() -> bool:
    """Whether the filter is known for this machine's processor."""
    return platform.machine() in _MACHINES


@cache
def seccomp_filter() -> bytes:
    """Return the filter for this machine as the kernel's `struct sock_filter` array.

    A refused call fails with ENOSYS, as on a kernel without it, so that programs fall back. Raises KeyError
    on a processor that is not `supported`.
    """
    machine = _MACHINES[platform.machine()]
    program = [
        _step(_LOAD, _ARCH),
        _step(_IF_EQUAL, machine.audit_arch, 1, 0),
        _step(_RETURN, _REFUSE | errno.ENOSYS),
        _step(_LOAD, _NUMBER),
        _step(_IF_AT_LEAST, _X32_CALLS, 0, 1),
        _step(_RETURN, _REFUSE | errno.ENOSYS),
    ]
    for number in sorted(machine.closed):
        program += [_step(_IF_EQUAL, number, 0, 1), _step(_RETURN, _REFUSE | errno.ENOSYS)]
    families, requests = len(_SOCKET_FAMILIES), len(_TERMINAL_INJECTION)
    program += [
        _step(_IF_EQUAL, machine.socket, 0, families + 3),
        _step(_LOAD, _ARGUMENT_0),
        *(_step(_IF_EQUAL, family, families - n, 0) for n, family in enumerate(_SOCKET_FAMILIES)),
        _step(_RETURN, _REFUSE | errno.EAFNOSUPPORT),
        _step(_RETURN, _ALLOW),
        _step(_IF_EQUAL, machine.ioctl, 0, requests + 1),
        _step(_LOAD, _ARGUMENT_1),
        *(_step(_IF_EQUAL, request, requests - n, 0) for n, request in enumerate(_TERMINAL_INJECTION)),
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _REFUSE | errno.EPERM),
    ]
    return b"".join(program)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """Return one instruction; the two jumps count the instructions left out."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
