"""Connections into a sandbox that has no network but its own loopback.

A socket belongs to the network in which it was made, wherever it is used later. So a short-lived child goes into the
sandbox's network, connects there, and hands the socket back; nothing of ours stays inside.
"""

import ctypes
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable

from gateway.adapters.sandboxes.base import SandboxError

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_CONNECT_S = 5.0
_CODE = struct.Struct("i")

_ADDRESSES: tuple[tuple[int, bytes], ...] = ((socket.AF_INET, b"127.0.0.1"), (socket.AF_INET6, b"::1"))
"""As bytes: for text, Python would look for a codec, which the child has no more files to find it in."""


def connect(init: int, port: int) -> socket.socket:
    """A socket connected to a TCP port on the loopback of the sandbox whose first process `init` (a pidfd) is.

    Blocks for some milliseconds, 5 s at most. Raises OSError when nobody listens there, SandboxError when the sandbox
    cannot be entered.
    """
    program = shutil.which("true")
    if program is None:
        raise SandboxError("The program `true` is missing on this machine.", permanent=True)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        try:
            child = subprocess.Popen(
                [program], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={},
                cwd="/", preexec_fn=_entering(init, port, theirs),  # noqa: PLW1509 - bound before the fork
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            raise SandboxError(f"The sandbox's network cannot be entered: {error}.", permanent=False) from error
        child.wait()
        ours.setblocking(False)
        try:
            told, descriptors, _, _ = socket.recv_fds(ours, _CODE.size, 1)
        except BlockingIOError:
            raise SandboxError("The sandbox's network cannot be entered.", permanent=False) from None
    (code,) = _CODE.unpack(told)
    if code or not descriptors:
        raise OSError(code, os.strerror(code))
    return socket.socket(fileno=descriptors[0])


def _entering(init: int, port: int, channel: socket.socket) -> Callable[[], None]:
    """Return what the child does: enter, connect, hand over."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Who is not root may enter a network only together with the user namespace that it belongs to.
    spaces = _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWUSER | _CLONE_NEWNET

    def enter() -> None:
        if libc.setns(init, spaces):
            raise OSError(ctypes.get_errno(), "no way in")
        code = 0
        for family, host in _ADDRESSES:
            try:
                with socket.socket(family, socket.SOCK_STREAM) as connection:
                    connection.settimeout(_CONNECT_S)
                    connection.connect((host, port))
                    socket.send_fds(channel, [_CODE.pack(0)], [connection.fileno()])
                    return
            except OSError as error:
                code = code or error.errno or 1
        channel.send(_CODE.pack(code))

    return enter
