"""One call over OpenAI's chat protocol: its deadlines, its stream, and what its failures mean."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from gateway.adapters.providers.base import Delta, ProviderError, Timeouts, Upstream, Usage
from gateway.adapters.providers.openai_failures import bad_response, is_permanent, reason_of, refusal
from gateway.adapters.providers.sse import Event, EventDecoder
from gateway.adapters.providers.transport import transport_error

MAX_BODY_BYTES = 8 * 1024 * 1024

T = TypeVar("T")


class _Content(BaseModel):
    content: Any = None


class _Choice(BaseModel):
    delta: _Content | None = None
    message: _Content | None = None
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Progress(BaseModel):
    processed: int
    total: int


class _Chunk(BaseModel):
    """What is read of a chunk, or of a whole answer; servers add fields of their own."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    prompt_progress: _Progress | None = None
    error: Any = None


class Call:
    """One request to one upstream, with its deadlines."""

    def __init__(self, client: httpx.AsyncClient, upstream: Upstream, timeouts: Timeouts) -> None:
        self._client = client
        self._upstream = upstream
        self._timeouts = timeouts
        self._place = upstream.base_url
        self._deadline = time.monotonic() + timeouts.total

    async def get_json(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The parsed answer to a GET, or a POST of `body`, within `timeouts.list` seconds."""
        self._deadline = time.monotonic() + self._timeouts.list
        response = await self._send("GET" if body is None else "POST", path, body)
        try:
            return self._parse((await self._read(response)).decode("utf-8", "replace"))
        finally:
            await response.aclose()

    async def stream_chat(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta]:
        """The answer's deltas. Ends after `[DONE]`, or with the connection once a finish reason was given."""
        response = await self._send("POST", "/chat/completions", body)
        try:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                # Some servers know no streaming and answer in one piece.
                yield self._whole_answer(await self._read(response))
                return
            finished = False
            async with aclosing(self._events(response)) as events:
                async for event in events:
                    if event.data == "[DONE]":
                        return
                    delta = self._delta(event)
                    finished = finished or delta.finish_reason is not None
                    if delta != Delta():
                        yield delta
            if not finished:
                raise ProviderError(
                    f"{self._place} closed the connection in the middle of its answer; try again.",
                    code="interrupted",
                    permanent=False,
                )
        finally:
            await response.aclose()

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        request = self._client.build_request(
            method, self._upstream.base_url + path, json=body, headers=dict(self._upstream.headers)
        )
        response = await self._within(self._timeouts.first_byte, self._client.send(request, stream=True))
        if response.status_code == httpx.codes.OK:
            return response
        try:
            raise self._status_error(response, await self._read(response))
        finally:
            await response.aclose()

    async def _events(self, response: httpx.Response) -> AsyncGenerator[Event]:
        decoder = EventDecoder()
        pieces = response.aiter_bytes()
        limit = self._timeouts.first_byte
        while (piece := await self._within(limit, anext(pieces, None))) is not None:
            limit = self._timeouts.idle
            try:
                events = decoder.feed(piece)
            except ValueError:
                raise bad_response(self._place) from None
            for event in events:
                yield event

    async def _read(self, response: httpx.Response) -> bytes:
        body = b""
        pieces = response.aiter_bytes()
        while (piece := await self._within(self._timeouts.idle, anext(pieces, None))) is not None:
            body += piece
            if len(body) > MAX_BODY_BYTES:
                raise bad_response(self._place)
        return body

    async def _within(self, limit_s: float, work: Awaitable[T]) -> T:
        """Wait for `work` no longer than `limit_s` and the call's deadline; name what went wrong."""
        seconds = max(0.0, min(limit_s, self._deadline - time.monotonic()))
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise ProviderError(
                f"{self._place} did not answer in time; try again, or choose a smaller or faster model.",
                code="timeout",
                permanent=False,
            ) from None
        except httpx.TransportError as error:
            raise transport_error(error, self._place) from None

    def _delta(self, event: Event) -> Delta:
        try:
            chunk = _Chunk.model_validate_json(event.data)
        except ValidationError:
            raise bad_response(self._place) from None
        if chunk.error or event.name == "error":
            raise self._stream_error(chunk.error)
        choice = chunk.choices[0] if chunk.choices else _Choice()
        content = (choice.delta or choice.message or _Content()).content
        usage = Usage(chunk.usage.prompt_tokens, chunk.usage.completion_tokens) if chunk.usage else None
        told = chunk.prompt_progress
        read = (told.processed, told.total) if told is not None else None
        return Delta(content if isinstance(content, str) else "", choice.finish_reason, usage, read)

    def _whole_answer(self, body: bytes) -> Delta:
        delta = self._delta(Event("", body.decode("utf-8", "replace")))
        if delta.finish_reason is None and not delta.text:
            raise bad_response(self._place)
        return delta

    def _parse(self, text: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise bad_response(self._place) from None

    def _stream_error(self, error: Any) -> ProviderError:
        status = error.get("code") if isinstance(error, dict) else None
        status = status if isinstance(status, int) and 400 <= status < 600 else None
        return ProviderError(
            f"{self._place} broke off its answer: {self._reason(error)}",
            code="upstream_error",
            permanent=status is not None and is_permanent(status),
            status=status,
        )

    def _status_error(self, response: httpx.Response, body: bytes) -> ProviderError:
        status = response.status_code
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        error = answer.get("error", answer.get("detail")) if isinstance(answer, dict) else None
        refused = refusal(self._upstream, status, error)
        refused.code = "redirected" if response.is_redirect else refused.code
        refused.retry_after = _seconds(response.headers.get("retry-after"))
        return refused

    def _reason(self, error: Any) -> str:
        return reason_of(self._upstream, error)


def _seconds(value: str | None) -> float | None:
    """`Retry-After` in seconds (RFC 9110, 10.2.3); its date form is not sent by model servers."""
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        return None
