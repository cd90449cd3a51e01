"""Runs probes wherever it is started: reads the facts and the attempts from stdin, writes one verdict a line.

Needs nothing but the standard library, since it runs inside the sandbox. Each attempt has a process of its own.
"""

# ruff: noqa: F401, PTH108, PTH118, PTH123, PTH208 - attempts use these imports and are plain system calls

import ctypes
import fcntl
import json
import os
import platform
import pty
import resource
import signal
import socket
import sys
import termios
from glob import glob
from types import SimpleNamespace

HARMLESS_DEVICES = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "fd", "core", "console"}
HARMLESS_DEVICES |= {"stdin", "stdout", "stderr"}
ON_ARM = platform.machine() == "aarch64"
PTRACE_ATTACH, PTRACE_DETACH = 16, 17
KEYCTL_SEARCH, KEYCTL_READ, SESSION_KEYRING = 10, 11, -3

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p


def read(path):
    with open(path, errors="replace") as file:
        return file.read()


def readable(path):
    """The content of a file, or nothing where it cannot be read: one of many."""
    try:
        return read(path)
    except OSError:
        return ""


def listing(folder):
    return " ".join(os.listdir(folder))


def write(folder):
    path = os.path.join(folder, f".probe-{os.getpid()}")
    with open(path, "x"):
        os.unlink(path)
    return True


def call(name, *arguments):
    """Call a function of the C library; OSError when it fails."""
    result = getattr(libc, name)(*arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return result


def reaches(number, number_on_arm, *arguments):
    """Whether a system call gets as far as the kernel's own judgement of its arguments."""
    try:
        call("syscall", number_on_arm if ON_ARM else number, *arguments)
    except OSError as error:
        if error.errno == 38:
            raise
    return True


def status(field):
    for line in read("/proc/self/status").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1], 16)
    raise LookupError(field)


def descriptors():
    """Those open besides the three standard ones."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            os.fstat(int(name))
        except OSError:
            continue  # the listing's own
        if int(name) > 2:
            found.append(int(name))
    return found


def type_into_a_terminal():
    """Put a letter into a terminal's input. EIO is the answer of a kernel that has this switched off."""
    os.setsid()
    _, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    try:
        fcntl.ioctl(terminal, termios.TIOCSTI, b"x")
    except OSError as error:
        if error.errno != 5:
            raise
    return True


def key(name):
    """What a key of the session's keyring holds."""
    keyctl = 219 if ON_ARM else 250
    number = call("syscall", keyctl, KEYCTL_SEARCH, SESSION_KEYRING, b"user", name.encode(), 0)
    content = ctypes.create_string_buffer(100)
    call("syscall", keyctl, KEYCTL_READ, number, content, len(content))
    return content.value.decode()


def trace(pid):
    call("ptrace", PTRACE_ATTACH, pid, None, None)
    os.waitpid(pid, 0x40000000)
    call("ptrace", PTRACE_DETACH, pid, None, None)
    return True


def memory_by_file(pid, address):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        return os.pread(memory.fileno(), 100, address).decode(errors="replace")


def memory_by_call(pid, address):
    class Piece(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    content = ctypes.create_string_buffer(100)
    here, there = Piece(ctypes.addressof(content), 100), Piece(address, 100)
    call("process_vm_readv", pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    return content.raw.decode(errors="replace")


def answer(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        connection.connect(address)
        return connection.recv(100).decode()


def ask(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(2)
        connection.connect(address)
        connection.send(b"?")
        return connection.recv(100).decode()


def system_v_memory(number):
    segment = call("shmget", number, 0, 0)
    return ctypes.string_at(libc.shmat(segment, None, 0o10000)).decode()


def message_queue(name):
    return call("mq_open", name.encode(), os.O_RDONLY | os.O_NONBLOCK) >= 0


def judge(name, attempt, facts):
    """Make one attempt; write what came of it: leak, held, or broken, and why."""
    names = {**globals(), "f": facts, "leak": None}
    try:
        exec(attempt, names)
        verdict = [name, "leak" if names["leak"] else "held", "no error"]
    except (OSError, ValueError) as error:  # ValueError: what Python makes of a refused limit
        verdict = [name, "held", repr(error)]
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the probe itself
        verdict = [name, "broken", repr(error)]
    os.write(1, json.dumps(verdict).encode() + b"\n")


def main():
    given = json.load(sys.stdin)
    facts = SimpleNamespace(**given["facts"])
    for name, attempt in given["attempts"].items():
        child = os.fork()
        if child == 0:
            signal.alarm(5)
            judge(name, attempt, facts)
            os._exit(0)
        os.waitpid(child, 0)


main()
