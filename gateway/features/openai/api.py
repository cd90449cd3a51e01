"""Routes that speak OpenAI's protocol, errors included."""

from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import chain
from typing import Any

from flask import Response, current_app, g, jsonify, request
from werkzeug.wsgi import ClosingIterator

from gateway.core.answers import CLIENT, answer, event_stream
from gateway.core.room import Room, actor, opens_units, unit, work
from gateway.features.providers import service as providers
from gateway.features.providers.schemas import ModelList, ModelOut, ModelPath
from gateway.features.providers.service_upstream import AGENT, Upstreams

from . import responses, service
from .direct import Direct, Gate
from .failures import error_shape
from .relay import Patience
from .schemas import (
    ChatIn,
    ChatOut,
    EmbeddingsIn,
    EmbeddingsOut,
    ErrorBody,
    ResponseOut,
    ResponsesIn,
    WarmIn,
    WarmOut,
)
from .service import Wish

_ERROR_SCHEMA = {"type": "object", "required": ["error"], "properties": {"error": ErrorBody.model_json_schema()}}
_ERROR = {"application/json": {"schema": _ERROR_SCHEMA}}
ERRORS: dict[Any, Any] = {
    "401": {"description": "no or bad identity", "content": _ERROR},
    "403": {"description": "not allowed", "content": _ERROR},
    "404": {"description": "no such model", "content": _ERROR},
    "422": {"description": "invalid fields", "content": _ERROR},
    "default": {"description": "any other error; its `code` says which", "content": _ERROR},
}

_TOOLS = ("tools", "tool_choice", "parallel_tool_calls")

room = Room(
    "openai", __name__, title="Chat", error_shape=error_shape, errors=ERRORS, cross_origin=True,
    body_limit="COMPLETION_LIMIT_BYTES",
)  # fmt: skip


@room.get("/models", responses={200: ModelList}, summary="Models you may use")
def list_models() -> Response:
    return answer(providers.models(work(), upstreams()))


@room.get("/models/<path:id>", responses={200: ModelOut}, summary="One model")
def get_model(path: ModelPath) -> Response:
    return answer(providers.model(work(), upstreams(), path.id))


@room.post("/chat/completions", responses={200: ChatOut}, summary="A completion, whole or as a stream (SSE)")
@opens_units
def complete_chat(body: ChatIn) -> Response:
    call, asked = _chat(body.model, request.get_json())
    return _streamed(call.stream(asked)) if body.stream else jsonify(call.whole(asked))


@room.post("/responses", responses={200: ResponseOut}, summary="A response, whole or as a stream (SSE)")
@opens_units
def create_response(body: ResponsesIn) -> Response:
    given: dict[str, Any] = request.get_json()
    call, asked = _chat(body.model, responses.as_chat(body, given))
    if not body.stream:
        return jsonify(responses.whole(call.whole(asked), given))
    events = call.stream({**asked, "stream_options": {"include_usage": True}})
    return _streamed(events, lambda told: responses.stream(told, body.model, given))


@room.post("/embeddings", responses={200: EmbeddingsOut}, summary="Texts embedded")
@opens_units
def create_embeddings(body: EmbeddingsIn) -> Response:
    asked: dict[str, Any] = request.get_json()
    texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
    return jsonify(_begin(body.model, "\n".join(str(text) for text in texts)).embeddings(asked))


@room.post("/chat/warm", responses={200: WarmOut}, summary="Have a model loaded before it is asked")
@opens_units
def warm(body: WarmIn) -> Response:
    return answer(WarmOut(model=body.model, behind=_begin(body.model, None).warm()))


def _chat(model: str, body: dict[str, Any]) -> tuple[Direct, dict[str, Any]]:
    """An admitted completion, and what is handed on: without secrets, and without tools that the agent has itself."""
    messages, secrets = service.without_secrets(body["messages"])
    asked = {**body, "messages": messages}
    if model == AGENT:
        asked = {name: value for name, value in asked.items() if name not in _TOOLS}
    return _begin(model, service.text_of(asked), secrets), asked


def _streamed(events: Generator[bytes], retold: Callable[[Iterator[bytes]], Iterator[bytes]] | None = None) -> Response:
    """A stream of events, or of what they are `retold` as."""
    first = next(events)  # until here an error is an answer of its own
    told: Iterator[bytes] = chain([first], events)
    return event_stream(ClosingIterator(retold(told) if retold else told, events.close))


def upstreams() -> Upstreams:
    """What this gateway knows of models and their servers."""
    return current_app.extensions["upstreams"]  # type: ignore[no-any-return]


def _begin(model: str, text: str | None, secrets: Mapping[str, int] | None = None) -> Direct:
    """Admits a model call of the request's caller; `text` is what it sends, None for what spends nothing."""
    value = current_app.extensions["settings"].value
    patience = Patience(
        value("chat.connect_timeout_s"), value("chat.first_byte_timeout_s"), value("chat.timeout_s"),
        value("chat.retries"),
    )  # fmt: skip
    project, lasts_s = request.headers.get("OpenAI-Project"), patience.total_s + 60
    wish = Wish(model, text, project, lasts_s, secrets or {})
    with unit() as opened:
        admission = service.admit(opened, upstreams(), wish)
    extensions = current_app.extensions
    gate = Gate(extensions["gateway_sessions"], extensions["fanout"], extensions["upstream_pool"], upstreams())
    return Direct(gate, actor(), g.request_id, admission, patience, request.environ.get(CLIENT))
