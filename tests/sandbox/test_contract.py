"""What every kind of sandbox promises its caller."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest

from gateway.adapters.sandboxes import registry
from gateway.adapters.sandboxes.base import (
    Attachment,
    Availability,
    Command,
    Limits,
    Sandbox,
    SandboxError,
    SandboxUnavailable,
)
from gateway.adapters.sandboxes.registry import KINDS
from gateway.adapters.sandboxes.workspace import collect, prepare


@pytest.fixture(params=sorted(KINDS))
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return KINDS[request.param]()


@pytest.fixture
def listener() -> Iterator[int]:
    """The port of a server on the host's loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"hello from the host")

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def open_descriptors() -> set[str]:
    """Of this process, by number."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def nothing(stream: str, chunk: bytes) -> None:
    """Take output that does not matter."""


def test_every_kind_is_listed_under_its_own_name() -> None:
    assert {name: kind.kind for name, kind in KINDS.items()} == {name: name for name in KINDS}


def test_it_works_on_this_machine(sandbox) -> None:
    assert asyncio.run(sandbox.available()) == Availability(True)


@pytest.mark.parametrize("code", [0, 3, 127])
def test_the_exit_code_is_the_programs_own(run, code) -> None:
    outcome = run("sh", "-c", f"exit {code}").outcome
    assert (outcome.exit_code, outcome.signal, outcome.limit_hit) == (code, None, None)


def test_a_program_ended_by_a_signal_says_so_as_in_a_shell(run) -> None:
    outcome = run("sh", "-c", "kill -TERM $$").outcome
    assert (outcome.exit_code, outcome.signal, outcome.limit_hit) == (143, 15, None)


def test_a_missing_program_is_the_commands_failure(run) -> None:
    result = run("no-such-program")
    assert result.outcome.exit_code == 127
    assert b"no-such-program" in result.stderr


def test_stdout_and_stderr_are_kept_apart(run) -> None:
    result = run("sh", "-c", "echo out; echo err >&2")
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")


def test_output_comes_while_the_program_runs(sandbox, workspace) -> None:
    async def first_words() -> float:
        came = asyncio.get_running_loop().create_future()
        command = Command(["sh", "-c", "echo now; sleep 20"])
        run = asyncio.create_task(
            sandbox.run(workspace, command, Limits(), lambda stream, chunk: came.set_result(chunk))
        )
        assert await asyncio.wait_for(came, 5) == b"now\n"
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    asyncio.run(first_words())


@pytest.mark.parametrize("size", [0, 5, 3_000_000])
def test_stdin_is_passed_on_byte_for_byte_and_ends(run, size) -> None:
    text = (b"0123456\n9" * size)[:size]
    result = run("cat", stdin=text, limits=Limits(wall_s=30, output_bytes=4_000_000))
    assert result.stdout == text


def test_without_stdin_a_reader_finds_the_end(run) -> None:
    assert run("cat").stdout == b""


def test_a_program_that_does_not_read_its_stdin_is_fine(run) -> None:
    assert run("true", stdin=b"x" * 1_000_000).outcome.exit_code == 0


def test_arguments_arrive_as_they_are(run) -> None:
    arguments = ["--bind", "a b", "$HOME", "", "new\nline", "ä", "--"]
    assert run("printf", "%s|", *arguments).stdout.decode() == "".join(f"{text}|" for text in arguments)


def test_the_environment_is_the_documented_one_and_what_was_given(run) -> None:
    lines = run("env", env={"COLOUR": "blue = green", "LANG": "C"}).stdout.decode().splitlines()
    environment = dict(line.split("=", 1) for line in lines)
    assert environment.pop("COLOUR") == "blue = green"
    assert environment.pop("LANG") == "C"
    assert environment.pop("WORKSPACE") == "/workspace"
    assert set(environment) <= {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "PWD", "SHLVL", "OLDPWD", "_"}


def test_a_command_starts_in_the_workspace_and_may_start_elsewhere(run) -> None:
    assert run("pwd").stdout == b"/workspace\n"
    assert run("pwd", cwd="/tmp").stdout == b"/tmp\n"


def test_a_series_of_commands_shares_one_workspace(run, workspace) -> None:
    assert run("sh", "-c", "echo one >note; echo two >artifacts/result.txt").outcome.exit_code == 0
    assert run("cat", "note").stdout == b"one\n"
    assert [(found.name, found.file.read()) for found in collect(workspace)] == [("result.txt", b"two\n")]


def test_attachments_can_be_read_and_changed(sandbox, tmp_path) -> None:
    source = tmp_path / "stored"
    source.write_text("attached")
    source.chmod(0o600)
    workspace = prepare(tmp_path / "work", "with-inputs", [("data.txt", source)])
    command = Command(["sh", "-c", "cat $WORKSPACE/inputs/data.txt && echo changed >inputs/data.txt"])
    written = []
    outcome = asyncio.run(sandbox.run(workspace, command, Limits(), lambda _, chunk: written.append(chunk)))
    assert (outcome.exit_code, b"".join(written)) == (0, b"attached")
    assert source.read_text() == "attached"


def test_home_and_tmp_are_writable_and_gone_afterwards(run) -> None:
    assert run("sh", "-c", "touch ~/mine /tmp/mine /dev/shm/mine").outcome.exit_code == 0
    assert run("sh", "-c", "ls -A ~ /tmp/ /dev/shm/ | grep mine").stdout == b""


def test_the_program_is_an_ordinary_user_with_a_name(run) -> None:
    assert run("sh", "-c", "id -un; id -u; hostname").stdout == b"sandbox\n1000\nsandbox\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_beyond_the_limit_is_dropped_and_the_cut_is_told(run, stream) -> None:
    target = ">&2" if stream == "stderr" else ""
    result = run("sh", "-c", f"head -c 100000 /dev/zero {target}; exit 7", limits=Limits(output_bytes=1000))
    assert getattr(result, stream) == bytes(1000)
    assert result.outcome.truncated == {stream}
    assert result.outcome.exit_code == 7


def test_output_that_just_fits_is_whole(run) -> None:
    result = run("head", "-c", "1000", "/dev/zero", limits=Limits(output_bytes=1000))
    assert (len(result.stdout), result.outcome.truncated) == (1000, frozenset())


def test_the_time_limit_ends_a_command(run) -> None:
    began = time.monotonic()
    outcome = run("sleep", "60", limits=Limits(wall_s=0.3)).outcome
    assert time.monotonic() - began < 30
    assert outcome.timed_out
    assert (outcome.limit_hit, outcome.exit_code, outcome.signal) == ("time", None, 9)
    assert 0.3 <= (outcome.ended_at - outcome.started_at).total_seconds() < 30


def test_cancelling_kills_the_whole_tree_before_it_is_done(sandbox, workspace) -> None:
    heartbeat = "while :; do date +%N >>beat; sleep 0.02; done"
    command = Command(["sh", "-c", f"({heartbeat}) & setsid sh -c '{heartbeat}' & wait"])

    async def cancelled() -> None:
        run = asyncio.create_task(sandbox.run(workspace, command, Limits(), nothing))
        while not (workspace / "beat").exists():  # noqa: ASYNC110 - a file made by the sandbox
            await asyncio.sleep(0.01)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    asyncio.run(cancelled())
    size = (workspace / "beat").stat().st_size
    time.sleep(0.2)
    assert (workspace / "beat").stat().st_size == size


@pytest.mark.parametrize("moment", [0, 0.001, 0.003, 0.006, 0.01, 0.02])
def test_cancelling_while_it_starts_leaves_nothing(sandbox, workspace, moment) -> None:
    """Also when the cancellation is repeated while it is being carried out."""

    async def cancelled() -> None:
        run = asyncio.create_task(sandbox.run(workspace, Command(["sleep", "60"]), Limits(), nothing))
        for pause in (moment, 0, 0.001):
            await asyncio.sleep(pause)
            run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    before = children.read_text()
    asyncio.run(cancelled())
    assert children.read_text() == before


def test_a_failing_receiver_ends_the_command_and_is_heard(sandbox, workspace) -> None:
    def full(stream: str, chunk: bytes) -> None:
        raise OSError("no space for output")

    began = time.monotonic()
    with pytest.raises(OSError, match="no space for output"):
        asyncio.run(sandbox.run(workspace, Command(["sh", "-c", "echo x; sleep 60"]), Limits(), full))
    assert time.monotonic() - began < 30


def test_many_run_at_once_without_seeing_each_other(sandbox, tmp_path) -> None:
    async def one(number: int) -> bytes:
        written = []
        workspace = prepare(tmp_path / "work", f"run-{number}")
        script = f"echo {number} >mine; sleep 0.3; cat mine; ls /workspace; ls -d /proc/[0-9]* | wc -l"
        await sandbox.run(workspace, Command(["sh", "-c", script]), Limits(), lambda _, c: written.append(c))
        return b"".join(written)

    async def all_of_them() -> list[bytes]:
        return await asyncio.gather(*(one(number) for number in range(8)))

    for number, output in enumerate(asyncio.run(all_of_them())):
        lines = output.decode().split()
        assert lines[:4] == [str(number), "artifacts", "inputs", "mine"]
        assert int(lines[4]) <= 4


def test_there_is_no_network_unless_asked_for(run, listener) -> None:
    script = f"exec 3<>/dev/tcp/127.0.0.1/{listener} && cat <&3"
    assert run("bash", "-c", script).outcome.exit_code != 0
    assert run("bash", "-c", script, network=True).stdout == b"hello from the host"


def test_no_descriptor_is_left_open(run) -> None:
    run("true")
    before = open_descriptors()
    for _ in range(5):
        run("sh", "-c", "head -c 100000 /dev/zero", stdin=b"x", limits=Limits(output_bytes=10))
    assert open_descriptors() == before


def test_a_sandbox_that_cannot_be_set_up_is_an_error_that_says_why(run) -> None:
    with pytest.raises(SandboxError, match="/no/such/folder"):
        run("true", cwd="/no/such/folder")


def test_a_missing_workspace_is_refused(sandbox, tmp_path) -> None:
    with pytest.raises(ValueError, match="Prepare the workspace"):
        asyncio.run(sandbox.run(tmp_path / "nowhere", Command(["true"]), Limits(), nothing))


@pytest.mark.parametrize(
    "options",
    [
        {"argv": []},
        {"argv": [""]},
        {"argv": ["echo", "a\0--bind\0/\0/host"]},
        {"argv": ["true"], "env": {"A": "1\0--bind\0/\0/host"}},
        {"argv": ["true"], "env": {"A\0": "1"}},
        {"argv": ["true"], "env": {"": "1"}},
        {"argv": ["true"], "env": {"A=B": "1"}},
        {"argv": ["true"], "cwd": "/\0--bind\0/\0/host"},
    ],
)
def test_a_command_that_could_smuggle_options_is_refused(options) -> None:
    with pytest.raises(ValueError, match=r"Name the program|NUL characters|without '='"):
        Command(**options)


class Broken(Sandbox):
    """A kind this machine lacks."""

    kind: ClassVar[str] = "broken"

    @classmethod
    async def available(cls) -> Availability:
        return Availability(False, "There is no such thing.", "Get one.")

    async def run(self, *_) -> None:
        raise AssertionError("it must not be used")


def test_the_first_kind_that_works_is_chosen(monkeypatch) -> None:
    monkeypatch.setattr(registry, "KINDS", {"broken": Broken, **KINDS})
    assert asyncio.run(registry.choose()).kind in KINDS


def test_with_no_kind_that_works_work_is_refused_with_reason_and_remedy(monkeypatch) -> None:
    monkeypatch.setattr(registry, "KINDS", {"broken": Broken})
    with pytest.raises(SandboxUnavailable) as refusal:
        asyncio.run(registry.choose())
    assert (refusal.value.reason, refusal.value.remedy) == ("There is no such thing.", "Get one.")
    assert refusal.value.permanent


def test_a_machine_without_bubblewrap_is_told_to_install_it(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match=r"Bubblewrap is not installed\. Install the package"):
        asyncio.run(registry.choose())


INSIDE = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    connection, _ = server.accept()
    connection.sendall(b"hello from inside")
    connection.close()
"""


def test_its_loopback_is_reached_from_outside_and_nothing_else_is(
    sandbox: Sandbox, workspace: Path, listener: int
) -> None:
    async def reach() -> None:
        attached: list[Attachment] = []
        said: asyncio.Queue[bytes] = asyncio.Queue()
        running = asyncio.create_task(
            sandbox.run(
                workspace, Command(["python3", "-c", INSIDE]), Limits(wall_s=30),
                lambda _, chunk: said.put_nowait(chunk), attached.append,
            )
        )  # fmt: skip
        port = int(await said.get())
        before = open_descriptors()
        with await asyncio.to_thread(attached[0].reach, port) as connection:
            assert connection.recv(100) == b"hello from inside"
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(attached[0].reach, listener)
        assert open_descriptors() == before
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        with pytest.raises(SandboxError):
            attached[0].reach(port)

    asyncio.run(reach())
