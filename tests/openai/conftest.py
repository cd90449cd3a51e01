"""The gateway with providers whose servers do as a test says, and OpenAI's own client in front of it."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import openai
import pytest

from tests.conftest import LiveGateway
from tests.providers.scripted_server import Exchange, Script, ScriptedServer, scripted_server

HELLO: Any = [{"role": "user", "content": "hello"}]


def streams(*pieces: bytes) -> Script:
    """A server that answers every question with these bytes, as a stream."""

    def script(exchange: Exchange) -> None:
        exchange.begin()
        for piece in pieces:
            exchange.write(piece)

    return script


class Upstream:
    """A scripted server that the gateway knows as a provider; `model` is the id of its one model."""

    def __init__(self, server: ScriptedServer, name: str) -> None:
        self.server = server
        self.model = f"{name}/model-1"

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The bodies that it was sent."""
        return [json.loads(exchange.body) for exchange in self.server.requests if exchange.method == "POST"]


@pytest.fixture
def upstream(live_gateway: LiveGateway) -> Iterator[Callable[..., Upstream]]:
    """Makes a provider out of a script; gone after the test."""
    with ExitStack() as stack:

        def make(script: Script, **fields: Any) -> Upstream:
            server = stack.enter_context(scripted_server(script))
            name = f"scripted-{uuid.uuid4().hex[:12]}"
            provider = {
                "name": name, "kind": "openai_compatible", "base_url": f"{server.url}/v1", "models": ["model-1"],
            }  # fmt: skip
            made = live_gateway.call("POST", "/v1/providers", json={**provider, **fields})
            assert made.status_code == 201, made.text
            stack.callback(live_gateway.call, "DELETE", f"/v1/providers/{made.json()['id']}")
            return Upstream(server, name)

        yield make


@pytest.fixture
def client(live_gateway: LiveGateway) -> Iterator[openai.OpenAI]:
    """OpenAI's client as its users make it; it does not try again, so that each answer shows."""
    with openai.OpenAI(base_url=f"{live_gateway.url}/v1", api_key=live_gateway.token, max_retries=0) as client:
        yield client
