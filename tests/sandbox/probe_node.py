"""A node with secrets all around it, that lets the probes loose: in its sandbox, on the host, and in an open one.

Run as a program with a folder to work in, and `--plain` to be an ordinary user; prints
{environment: {probe: [verdict, why]}}.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import platform
import pty
import secrets
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

from abusive_programs import INTERPRETER
from plain_user import become_plain_user
from probes import PROBES

from gateway.adapters.sandboxes.base import Command, Limits
from gateway.adapters.sandboxes.kinds.bubblewrap import Bubblewrap
from gateway.adapters.sandboxes.workspace import collect, prepare, remove

TOKEN = os.environ["PROBE_SECRET"]
HARNESS = Path(__file__).with_name("probe_harness.py").read_text()
KINDS = ("user", "mnt", "pid", "net", "ipc", "uts")

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p

VICTIM = """
import ctypes, os, sys, time
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)  # where Yama asks: anyone may trace it
held = ctypes.create_string_buffer(os.environ["PROBE_SECRET"].encode(), 100)
print(ctypes.addressof(held), flush=True)
time.sleep(600)
"""


def plant_files(folder: Path) -> dict[str, str]:
    """Secrets in the host's files; returns where."""
    home, data, other = folder / "home", folder / "data", folder / "work" / "other-run"
    for path in (home / ".ssh" / "id_ed25519", data / "keys" / "master", other / "secret"):
        path.parent.mkdir(parents=True)
        path.write_text(TOKEN)
    (home / f"named-{TOKEN}").touch()
    os.environ["HOME"] = str(home)
    cwd = folder / "cwd"
    (cwd / "out").mkdir(parents=True)
    os.chdir(cwd)
    return {
        "home": str(home),
        "data": str(data),
        "other_workspace": str(other),
        "node_cwd": str(cwd),
        "project": str(Path(__file__).parents[2]),
    }


@contextlib.contextmanager
def shared_folders() -> Iterator[None]:
    """A file of ours in each folder that everybody shares."""
    files = [Path(folder) / f"probe-{TOKEN}" for folder in ("/tmp", "/var/tmp", "/dev/shm")]
    for file in files:
        file.touch()
    try:
        yield
    finally:
        for file in files:
            file.unlink()


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[dict[str, object]]:
    """Servers of every sort that tell the secret to whoever comes."""
    abstract = f"probe-{secrets.token_hex(8)}"
    tcp = socket.create_server(("127.0.0.1", 0))
    unix, hidden = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    unix.bind(str(folder / "server"))
    hidden.bind(f"\0{abstract}")
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))

    def tell(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.send(TOKEN.encode())

    def tell_datagrams() -> None:
        while True:
            question, address = udp.recvfrom(10)
            if question == b"end":
                return
            udp.sendto(TOKEN.encode(), address)

    threads = [threading.Thread(target=tell_datagrams)]
    for server in (tcp, unix, hidden):
        server.listen()
        threads.append(threading.Thread(target=tell, args=(server,)))
    for thread in threads:
        thread.start()
    try:
        yield {
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "unix": str(folder / "server"),
            "abstract": abstract,
        }
    finally:
        udp.sendto(b"end", udp.getsockname())
        for server in (tcp, unix, hidden):
            server.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def kernel_objects() -> Iterator[dict[str, object]]:
    """Secrets in the kernel: shared memory, a message queue, a key."""
    shm_key, queue, key_name = secrets.randbits(30), f"/probe-{TOKEN}", f"probe-{secrets.token_hex(8)}"
    segment = libc.shmget(shm_key, 4096, 0o1600)
    ctypes.memmove(libc.shmat(segment, None, 0), TOKEN.encode() + b"\0", len(TOKEN) + 1)
    libc.mq_open(queue.encode(), os.O_CREAT | os.O_RDWR, 0o600, None)
    add_key, keyctl = (217, 219) if platform.machine() == "aarch64" else (248, 250)
    libc.syscall(keyctl, 1, None)  # a session keyring of our own
    libc.syscall(add_key, b"user", key_name.encode(), TOKEN.encode(), len(TOKEN), -3)
    try:
        yield {"shm_key": shm_key, "queue": queue, "key_name": key_name}
    finally:
        libc.shmctl(segment, 0, None)
        libc.mq_unlink(queue.encode())


@contextlib.contextmanager
def victim() -> Iterator[dict[str, int]]:
    """Another process of the same user, with the secret in its arguments, environment and memory."""
    with subprocess.Popen([INTERPRETER, "-c", VICTIM, TOKEN], stdout=subprocess.PIPE) as process:
        try:
            yield {"victim": process.pid, "address": int(process.stdout.readline())}
        finally:
            process.kill()


def take_terminal() -> None:
    """Give this process a controlling terminal, as a node has that was started by hand."""
    _, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def leave_file_open(folder: Path) -> None:
    """Open a secret file in a way that children inherit."""
    os.set_inheritable(os.open(folder / "home" / ".ssh" / "id_ed25519", os.O_RDONLY), True)


def given(facts: dict[str, object], *controls: str) -> bytes:
    """What the harness reads: the facts, and the attempts whose control is one of these."""
    attempts = {probe.name: probe.attempt for probe in PROBES if probe.control in controls}
    return json.dumps({"facts": facts, "attempts": attempts}).encode()


def verdicts(output: bytes) -> dict[str, list[str]]:
    return {name: rest for name, *rest in map(json.loads, output.splitlines())}


def planted(results: dict[str, list[str]], leaked: set[str]) -> None:
    """Judge what was planted for the host by what the host took in: names of the files that held a secret."""
    for probe in PROBES:
        if probe.attempt.startswith("os.symlink") and "f.out" in probe.attempt:
            results[probe.name][0] = "leak" if any(f"'/{name}'" in probe.attempt for name in leaked) else "held"


def in_sandbox(folder: Path, facts: dict[str, object]) -> dict[str, list[str]]:
    workspace = prepare(folder / "work", "run-1")
    output: list[bytes] = []
    facts = {**facts, "workspace": str(workspace), "out": "artifacts"}
    command = Command([INTERPRETER, "-c", HARNESS], stdin=given(facts, "host", "open"))
    outcome = asyncio.run(
        Bubblewrap().run(workspace, command, Limits(wall_s=60), lambda _, chunk: output.append(chunk))
    )
    assert outcome.exit_code == 0, (outcome, output)
    results = verdicts(b"".join(output))
    taken = {found.name for found in collect(workspace) if found.file and TOKEN.encode() in found.file.read()}
    planted(results, {name.split("/")[0] for name in taken})
    remove(workspace)
    return results


def on_host(folder: Path, facts: dict[str, object]) -> dict[str, list[str]]:
    out = folder / "cwd" / "out"
    facts = {**facts, "workspace": str(out), "out": str(out)}
    run = subprocess.run(
        [INTERPRETER, "-c", HARNESS],
        input=given(facts, "host"),
        stdout=subprocess.PIPE,
        close_fds=False,
        check=True,
    )
    results = verdicts(run.stdout)
    # What a host does that trusts the names it finds.
    taken = {
        found.name
        for found in out.iterdir()
        for file in (found.rglob("*") if found.is_dir() else [found])
        if file.is_file() and TOKEN in file.read_text(errors="replace")
    }
    planted(results, taken)
    return results


def in_open_sandbox(folder: Path, facts: dict[str, object]) -> dict[str, list[str]]:
    """The same namespaces, but the user is root in them, keeps every capability, and nothing is made read-only."""
    options = ["--unshare-user", "--uid", "0", "--gid", "0", "--cap-add", "ALL", "--unshare-net", "--unshare-uts"]
    for top in ("bin", "sbin", "lib", "lib64"):
        if Path("/", top).exists():
            options += ["--symlink", f"usr/{top}", f"/{top}"]
    options += ["--ro-bind", "/usr", "/usr", "--tmpfs", "/usr/local", "--dir", "/etc", "--tmpfs", "/tmp"]
    options += ["--dev-bind", "/proc", "/proc", "--dev", "/dev", "--chdir", "/tmp"]
    run = subprocess.run(
        ["bwrap", *options, "--", INTERPRETER, "-c", HARNESS],
        input=given(facts, "open"),
        stdout=subprocess.PIPE,
        check=True,
    )
    return verdicts(run.stdout)


def main(folder: Path) -> None:
    facts: dict[str, object] = {
        "token": TOKEN,
        "node": os.getpid(),
        "hostname": socket.gethostname(),
        "first_process": Path("/proc/1/cmdline").read_text(),
        "namespaces": {kind: str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in KINDS},
        **plant_files(folder),
    }
    take_terminal()
    leave_file_open(folder)
    with shared_folders(), servers(folder) as sockets, kernel_objects() as objects, victim() as process:
        facts |= {**sockets, **objects, **process}
        environments = {"sandbox": in_sandbox, "host": on_host, "open": in_open_sandbox}
        print(json.dumps({name: run(folder, facts) for name, run in environments.items()}))


if "--plain" in sys.argv:
    become_plain_user(sys.argv[1])
main(Path(sys.argv[1]))
