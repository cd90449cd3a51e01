"""An answer can go on without its reader, be read along again from its beginning, and be stopped."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from gateway.core.errors import Conflict
from gateway.core.identity import Actor
from gateway.features.events.watch import Watch
from gateway.features.openai.kept import Answer, KeptAnswers
from tests.conftest import LiveGateway, wait_until
from tests.http.callers import new_person
from tests.openai.conftest import HELLO, Upstream, streams
from tests.providers.scripted_server import DONE, Exchange, chunk

Make = Callable[..., Upstream]


def ask(gateway: LiveGateway, model: str, name: str, pieces: int = 1) -> str:
    """Asks, reads until so many events have come, and goes away."""
    body = {"model": model, "messages": HELLO, "stream": True}
    headers = {"Authorization": f"Bearer {gateway.token}", "X-Keep-As": name}
    with gateway.http.stream("POST", f"{gateway.url}/v1/chat/completions", json=body, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        lines = answer.iter_lines()
        return "\n".join(next(lines) for _ in range(pieces * 2))


def test_an_answer_goes_on_without_its_reader_and_is_read_again_from_the_beginning(
    upstream: Make, live_gateway: LiveGateway
) -> None:
    may_end = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(chunk("one "))
        may_end.wait(20)
        exchange.write(chunk("two") + chunk(finish_reason="stop") + DONE)

    server = upstream(script)
    assert "one " in ask(live_gateway, server.model, "kept-1")
    again = live_gateway.call(
        "POST", "/v1/chat/completions", headers={"X-Keep-As": "kept-1"},
        json={"model": server.model, "messages": HELLO, "stream": True},
    )  # fmt: skip
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    stranger = new_person(live_gateway, "reads-along")
    assert (
        live_gateway.call(
            "GET", "/v1/chat/answers/kept-1", headers={"Authorization": f"Bearer {stranger.token}"}
        ).status_code
        == 404
    )
    may_end.set()
    followed = live_gateway.call("GET", "/v1/chat/answers/kept-1").text
    assert followed.index("one ") < followed.index("two") < followed.index("[DONE]")
    assert len(server.asked) == 1


def test_of_two_who_ask_at_once_under_one_name_one_is_refused() -> None:
    kept = KeptAnswers()
    me, other = (Actor(uuid.uuid4(), name, frozenset({"member"}), via="token") for name in ("me", "other"))
    held = kept.room_for(me, "a"), kept.room_for(other, "a"), kept.room_for(me, "b")
    with held[0], held[1], held[2], pytest.raises(Conflict, match="still being written"), kept.room_for(me, "a"):
        pass
    with pytest.raises(ZeroDivisionError), kept.room_for(me, "a"):
        raise ZeroDivisionError
    with kept.room_for(me, "a"):
        pass


def test_whatever_came_instead_of_an_answer_is_told_to_who_follows() -> None:
    def never_stored() -> Iterator[bytes]:
        raise OSError("no space is left")
        yield b""

    me = Actor(uuid.uuid4(), "me", frozenset({"member"}), via="token")
    with pytest.raises(OSError, match="no space is left"):
        next(Answer(never_stored()).follow(Watch(Session), me))


def test_a_kept_answer_is_stopped_and_its_model_with_it(upstream: Make, live_gateway: LiveGateway) -> None:
    gone = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.begin()
        try:
            for _ in range(400):
                exchange.write(chunk("more "))
                exchange.pause(0.05)
        finally:
            gone.set()

    server = upstream(script)
    ask(live_gateway, server.model, "kept-2")
    assert live_gateway.call("DELETE", "/v1/chat/answers/kept-2").status_code == 204
    assert gone.wait(20)
    followed = wait_until(lambda: live_gateway.call("GET", "/v1/chat/answers/kept-2").text, 20)
    assert "more " in followed
    assert live_gateway.call("DELETE", "/v1/chat/answers/never-asked").status_code == 404


def test_an_answer_stopped_before_it_begins_is_a_stream_that_says_so(upstream: Make, live_gateway: LiveGateway) -> None:
    begun = threading.Event()

    def script(exchange: Exchange) -> None:
        if exchange.method == "POST":
            begun.set()
        exchange.pause(10)

    server = upstream(script)
    body = {"model": server.model, "messages": HELLO, "stream": True}
    with ThreadPoolExecutor() as pool:
        headers = {"X-Keep-As": "kept-4"}
        asked = pool.submit(live_gateway.call, "POST", "/v1/chat/completions", json=body, headers=headers)
        assert begun.wait(10)
        assert live_gateway.call("DELETE", "/v1/chat/answers/kept-4").status_code == 204
        refused = asked.result(5)
    told, done = refused.text.split("\n\n", 1)
    assert (refused.status_code, done.strip()) == (200, "data: [DONE]")
    assert json.loads(told.removeprefix("data: "))["error"]["code"] == "request_canceled"


def test_what_comes_instead_of_an_answer_is_told_as_without_keeping(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(lambda exchange: exchange.json({"error": {"message": "no such thing"}}, 400))
    body = {"model": server.model, "messages": HELLO, "stream": True}
    refused = live_gateway.call("POST", "/v1/chat/completions", json=body, headers={"X-Keep-As": "kept-3"})
    assert refused.status_code == 400
    assert "no such thing" in refused.json()["error"]["message"]
    named = live_gateway.call("POST", "/v1/chat/completions", json=body, headers={"X-Keep-As": "../etc"})
    assert named.status_code == 422
    quick = upstream(streams(chunk("fine"), chunk(finish_reason="stop"), DONE))
    assert "fine" in ask(live_gateway, quick.model, "kept-3")
