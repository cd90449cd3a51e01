"""A whole answer from a stream: what a prompt task needs."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from gateway.adapters.providers.base import Message, Provider, Usage


@dataclass(frozen=True)
class Completion:
    """A finished answer."""

    text: str
    finish_reason: str
    usage: Usage | None


async def complete(
    provider: Provider[Any],
    model: str,
    prompt: str | Sequence[Message],
    on_text: Callable[[str], Awaitable[None] | None] | None = None,
    **options: Any,
) -> Completion:
    """Ask `model` and wait for its whole answer; `on_text` is given each piece as it comes.

    `prompt` is the user's text or a list of messages; `options` are those of `Provider.chat`. Cancelling the
    caller ends the upstream's work too. Raises ProviderError.
    """
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    pieces: list[str] = []
    finish_reason, usage = "stop", None
    async with aclosing(provider.chat(model, messages, **options)) as deltas:
        async for delta in deltas:
            finish_reason = delta.finish_reason or finish_reason
            usage = delta.usage or usage
            if delta.text:
                pieces.append(delta.text)
                if on_text is not None and (pending := on_text(delta.text)) is not None:
                    await pending
    return Completion("".join(pieces), finish_reason, usage)
