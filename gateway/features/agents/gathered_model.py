"""A model for Pydantic AI that is always asked for a stream, with what its server has to be told of one."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings


class GatheredModel(WrapperModel):
    """Adds `asked_of_streams` to each request's body; whole answers are gathered from a stream."""

    def __init__(self, wrapped: Model, asked_of_streams: Mapping[str, Any]) -> None:
        super().__init__(wrapped)
        self._asked = asked_of_streams

    async def request(
        self, messages: list[ModelMessage], model_settings: ModelSettings | None, parameters: ModelRequestParameters
    ) -> ModelResponse:
        """One answer in one piece."""
        async with self.request_stream(messages, model_settings, parameters) as stream:
            async for _ in stream:
                pass
        return stream.get()

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """One answer as a stream."""
        given = model_settings or ModelSettings()
        body: Any = given.get("extra_body") or {}
        settings = ModelSettings({**given, "extra_body": {**body, **self._asked}})
        async with self.wrapped.request_stream(messages, settings, parameters, run_context) as stream:
            yield stream
