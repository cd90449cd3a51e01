"""Runs a scenario after the other as an ordinary user; prints what they came to.

Run as a program with a folder to work in.
"""

import asyncio
import dataclasses
import json
import os
import sys
from pathlib import Path

from abusive_programs import (
    FRUGAL_FORKS,
    INTERPRETER,
    LOCKED_FOLDER,
    MANY_FILES,
    MANY_HOGS,
    ONE_HOG,
    SHARED_HOG,
    THREAD_BOMB,
    UNNAMED_FILE,
)
from plain_user import become_plain_user

from gateway.adapters.sandboxes.base import MIB, Attachment, Command, Limits
from gateway.adapters.sandboxes.kinds.bubblewrap import Bubblewrap
from gateway.adapters.sandboxes.workspace import collect, prepare, remove

PYTHON = [INTERPRETER, "-c"]
MARKER = f"sandbox-plain-{os.getpid()}"

SCENARIOS = {
    "main path": (["sh", "-c", "echo made by $(id -u) >artifacts/result.txt"], {}),
    "another exit code": (["sh", "-c", "exit 7"], {}),
    "sleeping forever": (["sleep", "infinity"], {"wall_s": 0.3}),
    "one memory hog": ([*PYTHON, ONE_HOG], {"memory_bytes": 128 * MIB}),
    "many memory hogs": ([*PYTHON, MANY_HOGS], {"memory_bytes": 256 * MIB}),
    "shared memory": ([*PYTHON, SHARED_HOG], {"memory_bytes": 256 * MIB}),
    "forks that share memory": ([*PYTHON, FRUGAL_FORKS], {"memory_bytes": 256 * MIB}),
    "many files": ([*PYTHON, MANY_FILES], {"workspace_files": 5000}),
    "a locked folder": ([*PYTHON, LOCKED_FOLDER], {"workspace_bytes": 32 * MIB}),
    "a file without a name": ([*PYTHON, UNNAMED_FILE], {"workspace_bytes": 32 * MIB}),
    "a flood of empty files": (
        [*PYTHON, f"import os; os.chdir('/tmp')\n{MANY_FILES}"],
        {"workspace_files": 5000},
    ),
    "too many processes": ([*PYTHON, THREAD_BOMB], {"processes": 40}),
    "a survivor": (["sh", "-c", f"setsid sh -c 'while sleep 0.2; do continue; done' {MARKER} & exit 0"], {}),
}


def survivors() -> list[str]:
    """The processes that carry our marker."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [process.parent.name] if MARKER.encode() in process.read_bytes() else []
        except OSError:
            continue  # it has just ended
    return found


def left_in(folder: Path) -> list[str]:
    """What is there still."""
    return [path.name for path in folder.iterdir()]


async def scenario(root: Path, name: str) -> tuple[list[object], dict[str, str]]:
    """Run one in a workspace of its own; return how it ended with its output, and its artifacts."""
    argv, limits = SCENARIOS[name]
    output: list[bytes] = []
    workspace = prepare(root, name.replace(" ", "-"))
    limits = Limits(**{"wall_s": 15, **limits})
    outcome = await Bubblewrap().run(workspace, Command(argv), limits, lambda _, chunk: output.append(chunk))
    artifacts = {found.name: found.file.read().decode() for found in collect(workspace) if found.file}
    remove(workspace)
    return [outcome.exit_code, outcome.limit_hit, b"".join(output).decode()], artifacts


LISTENING = """
import socket
server = socket.create_server(("127.0.0.1", 8000))
print("listening", flush=True)
server.accept()[0].sendall(b"hello from inside")
"""


async def reached(root: Path) -> str:
    """What is heard at a port inside."""
    attached: list[Attachment] = []
    listens = asyncio.Event()
    workspace = prepare(root, "reached")
    running = asyncio.create_task(
        Bubblewrap().run(
            workspace, Command([*PYTHON, LISTENING]), Limits(wall_s=15), lambda *_: listens.set(), attached.append
        )
    )
    await listens.wait()
    with await asyncio.to_thread(attached[0].reach, 8000) as connection:
        heard = (await asyncio.get_running_loop().sock_recv(connection, 100)).decode()
    await running
    remove(workspace)
    return heard


async def main(root: Path) -> None:
    available = await Bubblewrap.available()
    endings, artifacts = {}, {}
    for name in SCENARIOS:
        endings[name], made = await scenario(root, name)
        artifacts |= made
    report = {
        "user": os.geteuid(),
        "available": list(dataclasses.astuple(available)),
        "endings": endings,
        "artifacts": artifacts,
        "reached": await reached(root),
        "survivors": survivors(),
        "left": left_in(root),
    }
    print(json.dumps(report))


become_plain_user(sys.argv[1])
asyncio.run(main(Path(sys.argv[1]) / "work"))
