"""Tools for what runs in the background: servers, watchers, long builds. They end with the task."""

import asyncio
import uuid

from pydantic_ai import RunContext

from gateway.features.processes import service as processes
from gateway.features.processes.schemas import ProcessIn

from . import trust
from .hands import Hands, Tool, shortened

SETTLE_S = 1.0
"""How long a process is given to say or do something before it is looked at."""

PIECES = 200


async def start_process(ctx: RunContext[Hands], command: str) -> str:
    """Start a shell command (bash) that goes on in the background, in the folder /workspace, until the task ends.

    Args:
        command: The command, such as one that starts a server.
    """
    run_id = ctx.deps.plan.run_id
    process_id = await ctx.deps.as_owner(lambda work: processes.start(work, run_id, ProcessIn(command=command)).id)
    await asyncio.sleep(SETTLE_S)
    return await _look(ctx.deps, process_id, 0)


async def read_process(ctx: RunContext[Hands], process_id: uuid.UUID, after: int = 0) -> str:
    """Look at a background process: whether it runs, and what it has written.

    Args:
        process_id: Its id.
        after: The number up to which its output is known already.
    """
    return await _look(ctx.deps, process_id, after)


async def stop_process(ctx: RunContext[Hands], process_id: uuid.UUID) -> str:
    """End a background process.

    Args:
        process_id: Its id.
    """
    await ctx.deps.as_owner(lambda work: processes.terminate(work, process_id, 5.0))
    await asyncio.sleep(SETTLE_S)
    return await _look(ctx.deps, process_id, 0)


TOOLS: dict[Tool, str] = {
    start_process: "processes.start",
    read_process: "processes.read",
    stop_process: "processes.terminate",
}


async def _look(hands: Hands, process_id: uuid.UUID, after: int) -> str:
    status, code, seq, text = await hands.as_owner(lambda work: processes.look(work, process_id, after, PIECES))
    how = f"{status}, exit code {code}" if code is not None else status
    told = await hands.from_outside(trust.SANDBOX, shortened(text)) if text else "It wrote nothing new."
    return f"Process {process_id} is {how}. Its output is known up to {seq}.\n{told}"
