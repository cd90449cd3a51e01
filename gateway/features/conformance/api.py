"""Routes of the conformance lab."""

from flask import Response

from gateway.core.http import inner
from gateway.core.http.answers import answer
from gateway.core.http.room import Room, opens_units, unit, work

from . import service
from .clients import Ask
from .protocol import Answer, model_list
from .schemas import LabClientsOut, LabIn, LabOut

room = Room("conformance", __name__, title="Conformance")


@room.get("/conformance/clients", responses={200: LabClientsOut}, summary="The clients that can be simulated")
def list_clients() -> Response:
    return answer(LabClientsOut(items=service.clients(work())))


@room.post("/conformance/run", responses={200: LabOut}, summary="Try the own OpenAI routes as a client")
@opens_units
def run_client(body: LabIn) -> Response:
    with unit() as opened:
        client, model = service.begin(opened, body)
    is_there = body.model is not None or model in model_list(_send(Ask("GET", "/v1/models")))
    return answer(service.carried_out(client, _send, model if is_there else None))


def _send(asked: Ask) -> Answer:
    """As the caller, through all that a request goes through but the network."""
    got = inner.ask(asked.method, asked.path, body=asked.body, headers=asked.headers)
    return Answer(got.status_code, {name.lower(): value for name, value in got.headers.items()}, got.get_data())
