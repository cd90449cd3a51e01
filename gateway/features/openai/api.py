"""Routes that speak OpenAI's protocol, errors included."""

from itertools import chain
from typing import Any

from flask import Response, current_app, g, jsonify, request
from werkzeug.wsgi import ClosingIterator

from gateway.core.answers import CLIENT, answer, event_stream
from gateway.core.room import Room, actor, opens_units, unit, work
from gateway.features.providers import service as providers
from gateway.features.providers.schemas import ModelList, ModelOut, ModelPath
from gateway.features.providers.service_upstream import AGENT, Upstreams

from . import service
from .direct import Direct, Gate
from .failures import error_shape
from .relay import Patience
from .schemas import ChatIn, ChatOut, ErrorBody
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
    asked: dict[str, Any] = request.get_json()
    call = _begin(body.model, asked)
    if body.model == AGENT:
        asked = {name: value for name, value in asked.items() if name not in ("tools", "tool_choice")}
    if not body.stream:
        return jsonify(call.whole(asked))
    events = call.stream(asked)
    first = next(events)  # until here an error is an answer of its own
    return event_stream(ClosingIterator(chain([first], events), events.close))


def upstreams() -> Upstreams:
    """What this gateway knows of models and their servers."""
    return current_app.extensions["upstreams"]  # type: ignore[no-any-return]


def _begin(model: str, asked: dict[str, Any]) -> Direct:
    """Admits a model call of the request's caller."""
    value = current_app.extensions["settings"].value
    patience = Patience(
        value("chat.connect_timeout_s"), value("chat.first_byte_timeout_s"), value("chat.timeout_s"),
        value("chat.retries"),
    )  # fmt: skip
    wish = Wish(model, service.text_of(asked), request.headers.get("OpenAI-Project"), patience.total_s + 60)
    with unit() as opened:
        admission = service.admit(opened, upstreams(), wish)
    extensions = current_app.extensions
    gate = Gate(extensions["gateway_sessions"], extensions["fanout"], extensions["upstream_pool"], upstreams())
    return Direct(gate, actor(), g.request_id, admission, patience, request.environ.get(CLIENT))
