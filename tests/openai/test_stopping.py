"""A gateway that is told to stop while it answers: each client learns of it, and none is cut off."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.conftest import LiveGateway
from tests.openai.conftest import HELLO
from tests.providers.scripted_server import Exchange, chunk, scripted_server


def test_who_waits_for_an_answer_is_told_that_the_gateway_stops(own_gateway: LiveGateway) -> None:
    asked, over = threading.Semaphore(0), threading.Event()

    def script(exchange: Exchange) -> None:
        if exchange.method != "POST":
            exchange.json({"data": [{"id": "model-1"}]})
            return
        if json.loads(exchange.body)["stream"]:
            exchange.begin()
            exchange.write(chunk("Once upon"))
        asked.release()
        over.wait(60)

    with scripted_server(script) as server:
        provider = {
            "name": "slow", "kind": "openai_compatible", "base_url": f"{server.url}/v1", "models": ["model-1"],
        }  # fmt: skip
        own_gateway.call("POST", "/v1/providers", json=provider).raise_for_status()
        body = {"model": "slow/model-1", "messages": HELLO}
        with ThreadPoolExecutor() as threads:
            try:
                whole = threads.submit(own_gateway.call, "POST", "/v1/chat/completions", json=body)
                stream = threads.submit(own_gateway.call, "POST", "/v1/chat/completions", json={**body, "stream": True})
                assert all(asked.acquire(timeout=30) for _ in "12")
                assert own_gateway.stop() == 0
                said, told = whole.result(30), stream.result(30)
            finally:
                over.set()
    assert (said.status_code, said.json()["error"]["code"]) == (503, "overloaded")
    assert said.headers["Retry-After"] == "5"
    *begun, error, done, end = told.text.split("\n\n")
    assert any("Once upon" in event for event in begun)
    assert json.loads(error.removeprefix("data: "))["error"]["code"] == "overloaded"
    assert (done, end) == ("data: [DONE]", "")
