"""A model for Pydantic AI that is never sent more than it can read (`window`), and learns how much that is."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, UserPromptPart
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from gateway.adapters.providers.base import ProviderError

from . import trust, window
from .window import Summary

SHARE = 0.75
"""How much of a model's window the conversation may take: the rest is for instructions, tools and the reply."""

LEARNED = 0.6
"""What is sent after a refusal, of what was too long."""

TRIES = 4

_TOO_LONG = re.compile(
    r"(?i)context.?(?:length|window|size)|maximum context|too many tokens"
    r"|(?:prompt|input|request).{0,40}too (?:long|large)"
)
_ASK = (
    "Sum up what was done so far, for the one who goes on with it: what was asked, what was found out with names and "
    "figures, what was changed and where, what is still to do. No more than 400 words.\n\n"
)

Tell = Callable[[str], Awaitable[None]]
"""Records in words that the conversation was shortened."""


class ShortenedModel(WrapperModel):
    """Shortens each request to `most` tokens, the model's window. `plain` is the model without tools, for summaries."""

    def __init__(self, wrapped: Model, plain: Model, most: int, tell: Tell) -> None:
        super().__init__(wrapped)
        self._plain = plain
        self._room = int(most * SHARE)
        self._tell = tell
        self._summaries: list[Summary] = []
        self._told = 0

    async def request(
        self, messages: list[ModelMessage], model_settings: ModelSettings | None, parameters: ModelRequestParameters
    ) -> ModelResponse:
        """One answer in one piece."""
        for tries_left in reversed(range(TRIES)):
            sent = await self._fitted(messages)
            try:
                return await self.wrapped.request(sent, model_settings, parameters)
            except ProviderError as error:
                self._learn(error, sent, tries_left)
        raise AssertionError("the last refusal is raised")

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """One answer as a stream."""
        for tries_left in reversed(range(TRIES)):
            sent = await self._fitted(messages)
            async with AsyncExitStack() as stack:
                asking = self.wrapped.request_stream(sent, model_settings, parameters, run_context)
                try:
                    stream = await stack.enter_async_context(asking)
                except ProviderError as error:
                    self._learn(error, sent, tries_left)
                    continue
                yield stream
                return

    def _learn(self, error: ProviderError, sent: list[ModelMessage], tries_left: int) -> None:
        """Sends less next time where that was what was wrong. Raises the error otherwise."""
        if not tries_left or not _TOO_LONG.search(str(error)):
            raise error
        self._room = int(min(self._room, window.tokens(sent)) * LEARNED)

    async def _fitted(self, messages: list[ModelMessage]) -> list[ModelMessage]:
        """What is sent of a conversation."""
        if window.tokens(messages) <= self._room:
            return messages
        made, count = window.without_old_answers(self._summed_up(messages), self._room)
        if window.tokens(made) > self._room and (until := window.boundary(messages, self._room)):
            await self._sum_up(messages, until)
            made, count = window.without_old_answers(self._summed_up(messages), self._room)
        if count >= 2 * self._told:  # once in a while, not at each request
            self._told = max(1, count)
            if count:
                await self._tell(f"The oldest {count} answers of tools were left out: the conversation is too long.")
        return made

    def _summed_up(self, messages: list[ModelMessage]) -> list[ModelMessage]:
        """The conversation with the longest summary that there is of its beginning."""
        for summary in reversed(self._summaries):
            if summary.until < len(messages) and window.digest(messages[: summary.until]) == summary.digest:
                return window.summed_up(messages, summary)
        return messages

    async def _sum_up(self, messages: list[ModelMessage], until: int) -> None:
        old = messages[:until]
        told = window.as_text(self._summed_up(old), self._room * window.LETTERS_A_TOKEN // 2)
        asked = f"{_ASK}{trust.NOTICE}\n{trust.marked('tool:conversation', told)}"
        reply = await self._plain.request([ModelRequest([UserPromptPart(asked)])], None, ModelRequestParameters())
        text = (reply.text or "").strip() or told[-window.TOLD_LETTERS :]
        self._summaries.append(Summary(until, window.digest(old), text))
        await self._tell(f"What was said and done before was summed up: the conversation is too long.\n\n{text}")
