"""Programs of ours in a process of their own: what would keep a parser busy for ever costs a killed process there."""

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


async def apart(
    program: Path, wish: Mapping[str, Any], *, seconds: float | None, environment: Mapping[str, str] | None = None
) -> dict[str, Any] | None:
    """What `program` says to `wish`, each a JSON object, by standard input and output; None where it says nothing.

    It has so many seconds, an environment of its own, and Python's isolated mode. It ends with whoever waits for it,
    which None leaves to them.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(program), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, env=dict(environment or {}),
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            written, _ = await process.communicate(json.dumps(wish).encode())
        answer = json.loads(written)
    except (TimeoutError, ValueError):
        return None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())
    return answer if isinstance(answer, dict) else None
