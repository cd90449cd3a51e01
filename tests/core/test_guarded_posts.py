"""Requests over kept connections are under the same guard, and never get another one's answer."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.core.outbound.exchange import Answer, Bounds, OutboundError
from gateway.core.outbound.guarded_posts import GuardedPosts
from tests.core.outside import ENCODED, V4, V6, Listener, addresses, answer, greeting, listening, names, redirect

Ask = Callable[..., Awaitable[Answer]]


@asynccontextmanager
async def asking(*allowed: str, resolve: Any = names) -> AsyncIterator[Ask]:
    """Posts to a URL."""
    posts = GuardedPosts(tls=ssl.create_default_context(), allowed_hosts=allowed, resolve=resolve)

    async def ask(url: str, bounds: Bounds | None = None, **headers: str) -> Answer:
        return await posts.request("POST", url, headers=headers, content=b"{}", bounds=bounds or Bounds(total_s=10))

    try:
        yield ask
    finally:
        await posts.aclose()


@asynccontextmanager
async def answering(pages: dict[str, bytes]) -> AsyncIterator[tuple[Listener, Callable[..., Awaitable[Answer]]]]:
    """A listener with these pages, and a way to post to a path of it."""
    async with listening() as server, asking("localhost") as ask:
        server.pages = pages
        yield server, lambda path, *more, **headers: ask(f"http://localhost:{server.port}{path}", *more, **headers)


async def refusal(asked: Awaitable[Answer]) -> str:
    """The code of what was refused or went wrong."""
    with pytest.raises(OutboundError) as caught:
        await asked
    return caught.value.code


def test_no_spelling_of_an_address_leads_where_it_may_not() -> None:
    async def try_all() -> set[str]:
        async with listening() as listener, asking() as ask:
            codes = {await refusal(ask(url)) for url in addresses()}
            for host in (*V4, *ENCODED, *(f"[{address}]" for address in V6), "localhost", "mixed.test", "intern.test"):
                codes.add(await refusal(ask(f"http://{host}:{listener.port}/")))
            assert listener.connects == 0
            return codes

    assert asyncio.run(try_all()) == {"invalid_url", "forbidden_address", "unknown_host"}


def test_dns_that_changes_cannot_help() -> None:
    answers = iter([["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["10.0.0.1"]])

    async def changing(host: str, port: int) -> list[str]:
        return next(answers)

    async def ask_thrice() -> None:
        async with asking(resolve=changing) as ask:
            assert [await refusal(ask("http://rebinding.test/")) for _ in range(3)] == ["forbidden_address"] * 3

    asyncio.run(ask_thrice())


def test_one_connection_serves_one_request_after_another_and_each_at_once_its_own() -> None:
    async def ask() -> None:
        async with answering({"/interim": b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(b"late")}) as (server, post):
            for path, body in (("/", b"hello"), ("/interim", b"late"), ("/", b"hello")):
                assert (await post(path)).content == body
            assert server.connects == 1
            assert server.requests[0].startswith(b"POST / HTTP/1.1\r\nHost: localhost:%d\r\n" % server.port)
            await asyncio.gather(*(post("/") for _ in range(3)))
            assert server.connects == 3
            await asyncio.gather(*(post("/") for _ in range(3)))
            assert server.connects == 3

    asyncio.run(ask())


@pytest.mark.parametrize(
    "last",
    [
        answer(b"hello", "Connection: close"), b"HTTP/1.0 200 OK\r\n\r\nhello", answer(b"hello") + answer(b"forged"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nmore",
    ],
    ids=["said to close", "ends with the connection", "another answer", "more than it says"],
)  # fmt: skip
def test_what_came_with_an_answer_is_not_taken_for_the_next(last: bytes) -> None:
    async def ask() -> None:
        async with answering({"/last": last, "/": answer(b"next")}) as (server, post):
            server.closes.add("/last")
            assert (await post("/last")).content == b"hello"
            assert (await post("/")).content == b"next"
            assert server.connects == 2

    asyncio.run(ask())


def test_what_comes_unasked_ends_the_connection() -> None:
    async def ask() -> None:
        async with answering({}) as (server, post):
            await post("/")
            server.writers[0].write(answer(b"forged"))
            await server.writers[0].drain()
            await server.left.wait()
            assert (await post("/")).content == b"hello"
            assert server.connects == 2

    asyncio.run(ask())


def test_answers_are_bounded_and_what_is_broken_is_said_to_be() -> None:
    pages = {
        "/long": answer(b"x" * 100_000), "/moved": redirect("/other", "307 Temporary"), "/none": b"no answer\r\n",
        "/hangs": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", "/short": b"HTTP/1.1 200 OK\r\nContent-Length: 5",
        "/head": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
    }  # fmt: skip

    async def ask() -> None:
        async with answering(pages) as (server, post):
            server.closes |= {"/none", "/short", "/head"}
            got = await post("/long", Bounds(total_s=10, body_bytes=1000))
            assert (len(got.content), got.cut) == (1000, True)
            moved = await post("/moved")
            assert (moved.status, moved.headers["location"]) == (307, "/other")
            for path in ("/none", "/short", "/head"):
                assert await refusal(post(path)) == "broken_answer"
            assert await refusal(post("/hangs", Bounds(total_s=0.2))) == "outbound_timeout"
            assert (await post("/")).content == b"hello"

    asyncio.run(ask())


def test_nobody_there_is_unreachable_and_who_speaks_no_tls_is_told_so() -> None:
    async def ask() -> None:
        async with greeting() as port, asking("localhost") as post:
            with pytest.raises(OutboundError, match="localhost has no certificate that is trusted here"):
                await post(f"https://localhost:{port}/")
        async with asking("localhost") as post:
            with pytest.raises(OutboundError, match=f"localhost cannot be reached at port {port}") as refused:
                await post(f"http://localhost:{port}/")
        assert refused.value.code == "unreachable"

    asyncio.run(ask())


def test_a_header_that_none_can_hold_is_refused_and_not_shown() -> None:
    async def ask() -> None:
        async with answering({}) as (server, post):
            with pytest.raises(OutboundError) as caught:
                await post("/", Authorization="Bearer canary\r\nX: y")
            assert caught.value.code == "invalid_request"
            assert "canary" not in repr(caught.value)
            assert caught.value.__cause__ is None
            assert server.connects == 0

    asyncio.run(ask())
