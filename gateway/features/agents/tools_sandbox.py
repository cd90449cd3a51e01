"""Tools that work in the sandbox: commands, scripts, and the files of the workspace."""

from typing import Annotated

from pydantic import Field
from pydantic_ai import RunContext

from gateway.adapters.sandboxes.base import Outcome
from gateway.features.preferences import constraints

from . import trust
from .hands import Hands, Tool, refuse

MOST_S = 3600

Seconds = Annotated[int, Field(ge=1, le=MOST_S)]


async def run_command(ctx: RunContext[Hands], command: str, timeout_s: Seconds = 120) -> str:
    """Run a shell command (bash) in the sandbox, in the folder /workspace. Nothing outlives it but files there.

    Args:
        command: The command, or several lines of them.
        timeout_s: Seconds after which it is ended.
    """
    return await _run(ctx.deps, ["bash", "-c", command], timeout_s, command=command)


async def run_script(ctx: RunContext[Hands], interpreter: str, code: str, timeout_s: Seconds = 120) -> str:
    """Run a program in the sandbox, in the folder /workspace.

    Args:
        interpreter: The program that reads the code from its standard input: python3, bash, node, perl …
        code: The program's text.
        timeout_s: Seconds after which it is ended.
    """
    return await _run(ctx.deps, [interpreter, "-"], timeout_s, interpreter=interpreter, stdin=code.encode())


async def read_file(ctx: RunContext[Hands], path: str) -> str:
    """Read a text file of the workspace. What the user attached is in inputs/.

    Args:
        path: Its path below /workspace.
    """
    return await _run(ctx.deps, ["cat", "--", path], 30)


async def write_file(ctx: RunContext[Hands], path: str, content: str) -> str:
    """Write a text file into the workspace, in place of any file there; folders are made as needed.

    Args:
        path: Its path below /workspace. Files in artifacts/ are handed to the user in the end.
        content: The whole text.
    """
    script = 'mkdir -p -- "$(dirname -- "$1")" && cat > "$1"'
    return await _run(ctx.deps, ["bash", "-c", script, "write", path], 30, stdin=content.encode())


async def publish_artifact(ctx: RunContext[Hands], path: str) -> str:
    """Hand a file of the workspace to the user, who gets it as an artifact of the task when the task ends.

    Args:
        path: Its path below /workspace.
    """
    return await _run(ctx.deps, ["cp", "--", path, "artifacts/"], 60)


TOOLS: dict[Tool, str] = {
    run_command: "agents.run",
    run_script: "agents.run",
    read_file: "agents.run",
    write_file: "agents.run",
    publish_artifact: "agents.run",
}


async def _run(
    hands: Hands, argv: list[str], seconds: int, *, command: str | None = None, interpreter: str | None = None,
    stdin: bytes | None = None,
) -> str:  # fmt: skip
    if command is not None or interpreter is not None:
        held, commands = await hands.held(), [command] if command is not None else []
        refuse(constraints.check_task(held, interpreter=interpreter, commands=commands, network=hands.plan.network))
    outcome, output = await hands.run([word.replace("\0", "") for word in argv], seconds, stdin)
    told = await hands.from_outside(trust.SANDBOX, output) if output else "It wrote nothing."
    return f"{_how(outcome, seconds)}\n{told}"


def _how(outcome: Outcome, seconds: int) -> str:
    if outcome.limit_hit == "time":
        return f"It was ended after {seconds} seconds."
    if outcome.limit_hit is not None:
        return f"It was ended: it met its limit of {outcome.limit_hit}."
    return f"Exit code {outcome.exit_code}."
