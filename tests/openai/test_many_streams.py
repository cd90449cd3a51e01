"""Two hundred streams of one user, none of which names a chat, are open at once; none waits for another."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx

from tests.conftest import LiveGateway
from tests.http.callers import Person, new_person
from tests.openai.conftest import Upstream
from tests.providers.scripted_server import DONE, Exchange, chunk

MANY = 200
GENEROUS_S = 90.0


def test_two_hundred_streams_are_open_at_once_and_all_are_kept_on_one_branch(
    upstream: Callable[..., Upstream], live_gateway: LiveGateway
) -> None:
    may_end = threading.Event()
    told: list[str] = []

    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(chunk("one "))
        may_end.wait(GENEROUS_S)
        exchange.write(chunk("two") + chunk(finish_reason="stop") + DONE)

    server, person = upstream(script), new_person(live_gateway, "many-at-once")

    async def read(client: httpx.AsyncClient, number: int) -> str:
        body = {"model": server.model, "stream": True, "messages": [{"role": "user", "content": f"stream {number}"}]}
        async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
            assert answer.status_code == 200, await answer.aread()
            text = ""
            async for line in answer.aiter_lines():
                if "one " in line:
                    told.append(answer.headers["x-thread-id"])
                    if len(told) == MANY:  # only now does any of them end
                        may_end.set()
                text += line
            return text

    async def read_all() -> list[str]:
        headers = {"Authorization": f"Bearer {person.token}"}
        limits = httpx.Limits(max_connections=MANY)
        async with httpx.AsyncClient(
            base_url=live_gateway.url, headers=headers, timeout=GENEROUS_S, limits=limits, trust_env=False
        ) as client:
            return await asyncio.gather(*(read(client, number) for number in range(MANY)))

    answers = asyncio.run(read_all())
    assert all("two" in answer and "[DONE]" in answer for answer in answers)
    assert len(set(told)) == 1, "they share the active thread"
    kept = _messages(person, told[0])
    mine = {message["text"]: message for message in kept if message["text"].startswith("stream ")}
    assert len(mine) == MANY
    parents = [message["parent_id"] for message in kept]
    assert len(set(parents)) == len(parents), "each came after one of the others, and no two after the same"
    assert all(message["status"] == "complete" for message in kept)


def _messages(person: Person, thread_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        path = f"/v1/chat/threads/{thread_id}/messages?limit=200" + (f"&cursor={cursor}" if cursor else "")
        page = person.call("GET", path).json()
        found += page["items"]
        cursor = page["next_cursor"]
    return found
