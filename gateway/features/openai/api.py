"""Routes that speak OpenAI's protocol, errors included."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import chain
from socket import socket
from typing import Any

from flask import Response, current_app, g, jsonify, request
from pydantic import ValidationError
from werkzeug.wsgi import ClosingIterator

from gateway.core import tracing
from gateway.core.errors import Invalid
from gateway.core.http.answers import CLIENT, answer, event_stream, no_content
from gateway.core.http.room import Room, actor, caller, knows_callers, ok, opens_units, unit, work
from gateway.core.policy import Resource
from gateway.core.secrets.redaction import redact_all
from gateway.core.tracing import Span
from gateway.features.chat import service_turns as turns
from gateway.features.events.watch import Watch
from gateway.features.providers import service as providers
from gateway.features.providers.schemas import ModelList, ModelOut, ModelPath
from gateway.features.providers.service_upstream import AGENT, Upstreams

from . import attached, responses, service
from .agentic import Agentic
from .direct import Direct, Gate
from .failures import error_shape
from .kept import Answer, KeptAnswers
from .relay import Patience
from .schemas import (
    AnswerPath,
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
from .service import Admission, ChatHeaders, Commission, Wish

_ERROR_SCHEMA = {"type": "object", "required": ["error"], "properties": {"error": ErrorBody.model_json_schema()}}
_ERROR = {"application/json": {"schema": _ERROR_SCHEMA}}
ERRORS: dict[Any, Any] = {
    "401": {"description": "no or bad identity", "content": _ERROR},
    "403": {"description": "not allowed", "content": _ERROR},
    "404": {"description": "no such model", "content": _ERROR},
    "422": {"description": "invalid fields", "content": _ERROR},
    "default": {"description": "any other error; its `code` says which", "content": _ERROR},
}

KEEP_AS = "X-Keep-As"
"""The header that names an answer which goes on when its client has gone."""

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
@knows_callers(turns.CALLERS)
def complete_chat(body: ChatIn) -> Response:
    name = kept_name() if body.stream else None
    with kept_answers().room_for(actor(), name) if name is not None else nullcontext():
        call, asked = _chat(body.model, request.get_json())
        events: Iterator[bytes] | None = call.stream(asked) if body.stream else None
        if name is not None and events is not None:
            events = kept_answers().keep(actor(), name, Answer(events)).follow(_watch(), actor())
    response = _streamed(events) if events is not None else jsonify(call.whole(asked))
    response.headers.update(call.headers)
    return response


@room.get("/chat/answers/<name>", responses={200: ok("text/event-stream")}, summary="Read along an answer that goes on")
@opens_units
def follow_answer(path: AnswerPath) -> Response:
    return _streamed(_own_answer(path.name).follow(_watch(), actor()))


@room.delete("/chat/answers/<name>", responses={204: None}, summary="Stop an answer that goes on")
@opens_units
def stop_answer(path: AnswerPath) -> Response:
    _own_answer(path.name).stop()
    return no_content()


@room.post("/responses", responses={200: ResponseOut}, summary="A response, whole or as a stream (SSE)")
@opens_units
@knows_callers(turns.CALLERS)
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
    given: dict[str, Any] = request.get_json()
    texts, secrets = redact_all(given["input"])
    text = "\n".join(map(str, texts)) if isinstance(texts, list) else str(texts)
    return jsonify(_begin(body.model, text, secrets=secrets).embeddings({**given, "input": texts}))


@room.post("/chat/warm", responses={200: WarmOut}, summary="Have a model loaded before it is asked")
@opens_units
def warm(body: WarmIn) -> Response:
    return answer(WarmOut(model=body.model, behind=_begin(body.model, None).warm()))


def _chat(model: str, body: dict[str, Any]) -> tuple[Direct | Agentic, dict[str, Any]]:
    """An admitted completion, and what is handed on: without secrets, and without tools that the agent has itself."""
    messages, secrets = service.without_secrets(body["messages"])
    asked = {**body, "messages": messages}
    if model == AGENT:
        asked = {name: value for name, value in asked.items() if name not in _TOOLS}
    get = request.headers.get
    chat = ChatHeaders(get("X-Thread-Id"), get("X-Parent-Id"), (get("X-OpenWebUI-Chat-Id") or "")[:200] or None)
    by_agent = model == AGENT and service.is_for_agent(asked)
    pictures: list[str] = []
    if files := attached.named(messages):
        with unit() as opened:
            store = current_app.extensions["artifact_store"]
            asked["messages"], pictures = attached.read(opened, store, messages, by_agent=by_agent)
    text = service.text_of(asked)
    if by_agent:
        wish = _wish(model, text, secrets=secrets, messages=messages, chat=chat)

        def decide(wish: Wish) -> Commission:
            with unit() as opened:
                return service.commission(opened, upstreams(), wish, asked["messages"], files, pictures)

        commission = service.while_deleted(decide, wish)
        return Agentic(_gate(), actor(), g.request_id, commission, _patience(), _reader()), asked
    return _begin(model, text, secrets=secrets, messages=messages, chat=chat), asked


def kept_answers() -> KeptAnswers:
    """The answers of this gateway that go on without their reader."""
    return current_app.extensions.setdefault("kept_answers", KeptAnswers())  # type: ignore[no-any-return]


def kept_name() -> str | None:
    """Under which name the answer is to go on without its reader. Raises Invalid."""
    name = request.headers.get(KEEP_AS)
    if name is None:
        return None
    try:
        return AnswerPath(name=name).name
    except ValidationError as error:
        raise Invalid(f"{KEEP_AS} is up to 64 letters, digits and dashes.") from error


def _own_answer(name: str) -> Answer:
    with unit() as opened:
        opened.allow("models.use", Resource("models"))
    return kept_answers().find(actor(), name)


def _streamed(events: Iterator[bytes], retold: Callable[[Iterator[bytes]], Iterator[bytes]] | None = None) -> Response:
    """A stream of events, or of what they are `retold` as."""
    first = next(events)  # until here an error is an answer of its own
    told: Iterator[bytes] = chain([first], events)
    return event_stream(ClosingIterator(retold(told) if retold else told, getattr(events, "close", None)))


def upstreams() -> Upstreams:
    """What this gateway knows of models and their servers."""
    return current_app.extensions["upstreams"]  # type: ignore[no-any-return]


def _begin(model: str, text: str | None, **of_chat: Any) -> Direct:
    """Admits a model call of the request's caller; `text` is what it sends, None for what spends nothing."""

    def decide(wish: Wish) -> tuple[Admission, Callable[[], None]]:
        with unit() as opened:
            return service.admit(opened, upstreams(), wish), opened.committed

    admission, admitted = service.while_deleted(decide, _wish(model, text, **of_chat))
    return Direct(_gate(), actor(), g.request_id, admission, admitted, _patience(), _reader(), _trace())


def _wish(model: str, text: str | None, **of_chat: Any) -> Wish:
    return Wish(model, text, request.headers.get("OpenAI-Project"), _patience().total_s, caller=caller(), **of_chat)


def _patience() -> Patience:
    value = current_app.extensions["settings"].value
    return Patience(
        value("chat.connect_timeout_s"), value("chat.first_byte_timeout_s"), value("chat.timeout_s"),
        value("chat.retries"),
    )  # fmt: skip


def _gate() -> Gate:
    extensions = current_app.extensions
    return Gate(extensions["gateway_sessions"], extensions["fanout"], extensions["upstream_pool"], upstreams())


def _watch() -> Watch:
    return current_app.extensions["fanout"].watch  # type: ignore[no-any-return]


def _trace() -> Span | None:
    """The caller's place in a trace, which the model's server is told."""
    return tracing.parse(request.headers.get(tracing.HEADER))


def _reader() -> socket | None:
    """The connection whose end is the end of the work: none where the answer goes on without its reader."""
    return None if KEEP_AS in request.headers else request.environ.get(CLIENT)
