"""Routes of models."""

from flask import Response

from gateway.core.answers import answer
from gateway.core.room import Room, work

from . import service
from .schemas import ModelList, ModelOut, ModelPath

room = Room("providers", __name__, title="Chat")


@room.get("/models", responses={200: ModelList}, summary="Models you may use")
def list_models() -> Response:
    return answer(service.models(work()))


@room.get("/models/<path:id>", responses={200: ModelOut}, summary="One model")
def get_model(path: ModelPath) -> Response:
    return answer(service.model(work(), path.id))
