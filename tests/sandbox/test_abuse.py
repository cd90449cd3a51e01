"""Abuse is contained: it ends in time, the host goes on, and nothing survives."""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.adapters.sandboxes.base import GIB, MIB, Command, Limits
from gateway.adapters.sandboxes.process_tree import usage
from tests.sandbox.abusive_programs import (
    DEEP_FOLDERS,
    FORK_BOMB,
    FORKS_THAT_COME_AND_GO,
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

ROOT = Path(__file__).parents[2]

# A process of ours carries this in its argument list, and no other does.
MARKER = f"sandbox-abuse-{os.getpid()}"

# Started as `sh -c LASTING MARKER`: the shell stays, and its arguments can be found from outside.
LASTING = f"sh -c 'while sleep 0.2; do continue; done' {MARKER}"
SURVIVORS = {
    "a background job": f"{LASTING} &",
    "a session of its own": f"setsid {LASTING} &",
    "a double fork": f"(({LASTING} &) &)",
    "deaf to signals": f"(trap '' HUP INT QUIT TERM; {LASTING}) &",
    "closed streams": f"setsid {LASTING} <&- >&- 2>&- &",
    "cut off from all": f"(setsid sh -c \"trap '' HUP; ({LASTING} &) &\" <&- >&- 2>&- &) &",
}


@pytest.fixture(autouse=True)
def nothing_survives():
    yield
    assert survivors() == []


def survivors(within_s: float = 1) -> list[int]:
    """The processes that carry our marker and are still there after `within_s`."""
    deadline = time.monotonic() + within_s
    while found := marked_pids():
        if time.monotonic() > deadline:
            return found
        time.sleep(0.02)
    return []


def marked_pids() -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes()
        except OSError:
            continue  # it has just ended
        if MARKER.encode() in arguments:
            found.append(int(process.name))
    return found


def python(run: Callable, script: str, **limits):
    return run(INTERPRETER, "-c", script, MARKER, limits=Limits(**{"wall_s": 60, **limits}))


def test_abuse_is_contained_and_the_host_stays_responsive(sandbox, workspace) -> None:
    async def bomb() -> tuple[list[float], int]:
        most = 0
        lateness = []
        run = asyncio.create_task(
            sandbox.run(
                workspace,
                Command([INTERPRETER, "-c", FORK_BOMB, MARKER]),
                Limits(wall_s=3, processes=64),
                lambda stream, chunk: None,
            )
        )
        while not run.done():
            began = time.monotonic()
            await asyncio.sleep(0.02)
            lateness.append(time.monotonic() - began - 0.02)
            if len(lateness) % 10 == 0:
                most = max(most, len(marked_pids()))
        assert (await run).limit_hit == "time"
        return lateness, most

    lateness, most = asyncio.run(bomb())
    assert 32 < most <= 64 + 2  # bubblewrap's own two carry the arguments too
    assert statistics.quantiles(lateness, n=20)[-1] <= 0.25


def test_threads_count_as_processes(run) -> None:
    result = python(run, THREAD_BOMB, processes=40)
    assert 30 <= int(result.stdout) <= 40


def test_one_process_gets_no_more_memory_than_allowed(run) -> None:
    result = python(run, ONE_HOG, memory_bytes=128 * MIB)
    assert result.outcome.exit_code == 1
    assert b"MemoryError" in result.stderr


@pytest.mark.parametrize("script", [MANY_HOGS, SHARED_HOG], ids=["many small", "shared"])
def test_memory_is_limited_for_all_processes_together(run, script) -> None:
    assert python(run, script, memory_bytes=256 * MIB).outcome.limit_hit == "memory"


def test_memory_shared_by_forks_is_counted_once(run) -> None:
    assert python(run, FRUGAL_FORKS, memory_bytes=256 * MIB).outcome.exit_code == 0


def test_processes_that_end_while_they_are_measured_count_for_nothing() -> None:
    with subprocess.Popen([INTERPRETER, "-c", FORKS_THAT_COME_AND_GO], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"holding\n"
        held = []
        while process.poll() is None:
            held.append(usage(process.pid, memory_limit=128 * MIB).memory_bytes)
    assert 60 * MIB < max(held) < 128 * MIB


@pytest.mark.parametrize("call", ["memfd_create('hog')", "shmget()"])
def test_memory_that_no_limit_counts_cannot_be_had(run, call) -> None:
    """Each would hold memory outside the process."""
    calls = {
        "memfd_create('hog')": "import os; os.memfd_create('hog')",
        "shmget()": "import ctypes, os; l = ctypes.CDLL(None, use_errno=True)\n"
        "if (s := l.shmget(0, 1 << 20, 0o1600)) < 0: raise OSError(ctypes.get_errno(), 'shmget')\n"
        "l.shmctl(s, 0, None)",
    }
    assert subprocess.run([INTERPRETER, "-c", calls[call]], check=False).returncode == 0
    assert b"OSError: [Errno 38]" in python(run, calls[call]).stderr


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm", "/home/sandbox"])
def test_folders_in_memory_are_small(run, folder) -> None:
    result = run(
        "sh",
        "-c",
        f"cat /dev/zero >{folder}/hog; stat -c %s {folder}/hog",
        limits=Limits(scratch_bytes=8 * MIB),
    )
    assert b"No space left" in result.stderr
    assert int(result.stdout) <= 8 * MIB


@pytest.mark.parametrize("folder", ["/", "/dev", "/etc", "/var", "/run", "/home"])
def test_no_other_folder_takes_files(run, folder) -> None:
    result = run("sh", "-c", f"cat /dev/zero >{folder}/hog")
    assert result.outcome.exit_code == 2
    assert result.outcome.limit_hit is None


def test_folders_in_memory_take_no_flood_of_empty_files(run) -> None:
    result = python(run, f"import os; os.chdir('/tmp')\n{MANY_FILES}", workspace_files=5000)
    assert result.outcome.limit_hit == "workspace"


def test_one_file_grows_no_larger_than_allowed(run, workspace) -> None:
    result = run("sh", "-c", "cat /dev/zero >big", limits=Limits(wall_s=20, file_size_bytes=10 * MIB))
    assert result.outcome.limit_hit == "file_size"
    assert (workspace / "big").stat().st_size == 10 * MIB


@pytest.mark.parametrize(
    "script",
    [
        "i=0; while :; do head -c 4M /dev/zero >file-$i; i=$((i+1)); sleep 0.01; done",
        f"exec {INTERPRETER} -c '{UNNAMED_FILE}'",
        f"exec {INTERPRETER} -c '{LOCKED_FOLDER}'",
    ],
    ids=["many files", "a file without a name", "a locked folder"],
)
def test_the_workspace_does_not_fill_the_disk(run, script) -> None:
    result = run("bash", "-c", script, limits=Limits(wall_s=60, workspace_bytes=64 * MIB))
    assert result.outcome.limit_hit == "workspace"


@pytest.mark.parametrize("script", [MANY_FILES, DEEP_FOLDERS], ids=["wide", "deep"])
def test_the_workspace_takes_no_endless_tree(run, script) -> None:
    assert python(run, script, workspace_files=5000).outcome.limit_hit == "workspace"


def test_a_gigabyte_of_output_is_read_and_dropped_at_little_cost(run) -> None:
    cpu = time.process_time()
    result = run("head", "-c", str(GIB), "/dev/zero", limits=Limits(wall_s=60, output_bytes=MIB))
    assert result.outcome.exit_code == 0
    assert result.outcome.truncated == {"stdout"}
    assert len(result.stdout) == MIB
    assert time.process_time() - cpu < 2


def test_endless_output_ends_in_time(run) -> None:
    cpu = time.process_time()
    outcome = run("sh", "-c", "yes & yes >&2", limits=Limits(wall_s=2)).outcome
    assert (outcome.limit_hit, outcome.truncated) == ("time", {"stdout", "stderr"})
    assert time.process_time() - cpu < 1.5


def test_processor_time_is_limited_for_one_process(run) -> None:
    outcome = run("sh", "-c", "while :; do :; done", limits=Limits(wall_s=20, cpu_s=1)).outcome
    assert outcome.limit_hit == "cpu"


def test_processor_time_is_limited_for_all_processes_together(run) -> None:
    burn = 'for i in 1 2 3 4; do (while :; do :; done) & all="$all /proc/$!/stat"; done'
    result = run("sh", "-c", f"{burn}; while sleep 0.05; do cat $all; done", limits=Limits(wall_s=60, cpu_s=2))
    assert result.outcome.limit_hit == "cpu"
    latest = [line.split()[13:15] for line in result.stdout.decode().splitlines()[-4:]]
    assert 1 < sum(int(ticks) for used in latest for ticks in used) / os.sysconf("SC_CLK_TCK") < 3


def test_sleep_forever_ends_in_time(run) -> None:
    began = time.monotonic()
    assert run("sleep", "infinity", limits=Limits(wall_s=0.5)).outcome.timed_out
    assert time.monotonic() - began < 30


def test_a_program_that_ignores_every_signal_ends_in_time(run) -> None:
    script = "trap '' HUP INT QUIT TERM XCPU; while :; do sleep 0.1; done"
    assert run("sh", "-c", script, MARKER, limits=Limits(wall_s=0.5)).outcome.timed_out


def test_it_has_a_low_priority_and_goes_first_when_memory_runs_out(run) -> None:
    result = run("sh", "-c", "nice; cat /proc/self/oom_score_adj")
    niceness, badness = map(int, result.stdout.split())
    assert niceness >= os.nice(0) + 10 or niceness == 19
    assert badness == 1000


@pytest.mark.parametrize("script", SURVIVORS.values(), ids=SURVIVORS.keys())
def test_outside_a_sandbox_each_of_these_survives(script) -> None:
    """Or the next test would show nothing."""
    subprocess.run(["sh", "-c", script], check=True, timeout=10, stdout=subprocess.DEVNULL)
    time.sleep(0.3)
    left = marked_pids()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert len(left) == 1


@pytest.mark.parametrize("script", SURVIVORS.values(), ids=SURVIVORS.keys())
def test_nothing_survives_the_end_of_the_command(run, script) -> None:
    began = time.monotonic()
    result = run("sh", "-c", f"{script}\nsleep 0.3; cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert result.outcome.exit_code == 0
    assert result.stdout.count(b"sh -c while sleep 0.2;") == 1
    assert survivors(within_s=0) == []
    assert time.monotonic() - began < 30


NODE = """
import asyncio, sys
from pathlib import Path
from gateway.adapters.sandboxes.base import Command, Limits
from gateway.adapters.sandboxes.registry import KINDS
print("started", flush=True)
command = Command(["sh", "-c", "setsid {lasting} & touch /workspace/running; {lasting}"])
asyncio.run(KINDS["bubblewrap"]().run(Path(sys.argv[1]), command, Limits(), lambda stream, chunk: None))
"""


def start_node(workspace: Path) -> subprocess.Popen:
    node = subprocess.Popen(
        [sys.executable, "-c", NODE.replace("{lasting}", LASTING), str(workspace)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert node.stdout.readline() == b"started\n"
    return node


def kill(node: subprocess.Popen) -> None:
    node.send_signal(signal.SIGKILL)
    node.wait()
    node.stdout.close()


def test_nothing_survives_a_killed_node(workspace) -> None:
    node = start_node(workspace)
    while not (workspace / "running").exists():
        time.sleep(0.01)
    assert len(marked_pids()) >= 4
    kill(node)
    assert survivors() == []


@pytest.mark.parametrize("moment_ms", range(0, 24, 2))
def test_nothing_survives_a_node_killed_while_it_starts_one(workspace, moment_ms) -> None:
    node = start_node(workspace)
    time.sleep(moment_ms / 1000)
    kill(node)
    assert survivors() == []
