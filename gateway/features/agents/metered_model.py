"""A model for Pydantic AI: PROVIDER/MODEL of this node, each call reserved before and settled after it."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from openai import AsyncOpenAI
from pydantic_ai import RunContext
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from gateway.adapters.providers.base import Upstream, Usage
from gateway.adapters.providers.completion import Completion
from gateway.adapters.providers.openai_failures import refusal
from gateway.features.limits.service_spending import Call
from gateway.features.tasks.metered import Metered, call_of
from gateway.features.tasks.service_execution import Plan

from . import conversation
from .gathered_model import GatheredModel

if TYPE_CHECKING:
    from gateway.node.node import Node

BETWEEN_BYTES_S = 300.0

RETRIES = 3
"""How often a call is tried again that failed before its first byte."""


def speaking_to(upstream: Upstream, seconds: float) -> Model:
    """The model behind an address, spoken to over OpenAI's protocol; `seconds` may pass between two bytes."""
    client = AsyncOpenAI(
        base_url=upstream.base_url, api_key="-", default_headers=dict(upstream.headers), timeout=seconds,
        max_retries=RETRIES,
    )  # fmt: skip
    model = OpenAIChatModel(upstream.model, provider=OpenAIProvider(openai_client=client))
    return GatheredModel(model, upstream.asked_of_streams) if upstream.asked_of_streams else model


class MeteredModel(WrapperModel):
    """Holds each call to the spend limits. Raises SpendLimitReached, and ProviderError for what its server refuses."""

    def __init__(self, upstream: Upstream, node: "Node", plan: Plan) -> None:
        super().__init__(speaking_to(upstream.within(plan.traceparent), BETWEEN_BYTES_S))
        self._upstream = upstream
        self._node = node
        self._plan = plan

    async def request(
        self, messages: list[ModelMessage], model_settings: ModelSettings | None, parameters: ModelRequestParameters
    ) -> ModelResponse:
        """One answer in one piece."""
        async with Metered(self._node, self._call(messages)) as meter:
            with self._named():
                response = await self.wrapped.request(messages, model_settings, parameters)
            meter.answered(_completion(response.usage, response.text))
        return response

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """One answer as a stream."""
        async with Metered(self._node, self._call(messages)) as meter:
            with self._named():
                async with self.wrapped.request_stream(messages, model_settings, parameters, run_context) as stream:
                    meter.heard(lambda _: None)("")
                    yield stream
            meter.answered(_completion(stream.usage, stream.get().text))

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Failures in the words that all providers' have."""
        try:
            yield
        except ModelHTTPError as error:
            raise refusal(self._upstream, error.status_code, error.body) from None

    def _call(self, messages: list[ModelMessage]) -> Call:
        told = conversation.without_pictures(messages)
        sent = ModelMessagesTypeAdapter.dump_json(told, exclude_defaults=True).decode()
        return call_of(self._node, self._plan, sent)


def _completion(usage: RequestUsage, text: str | None) -> Completion:
    counted = Usage(usage.input_tokens, usage.output_tokens) if usage.input_tokens or usage.output_tokens else None
    return Completion(text or "", "stop", counted)
