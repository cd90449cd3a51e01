"""Outbound requests stay where they may go: 0 forbidden connects, counted where sockets connect."""

import asyncio
import gzip
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any

import httpcore
import pytest

from gateway.core.outbound.exchange import Answer, Bounds, OutboundError
from gateway.core.outbound.guarded_http import Guard, GuardedClient, _unpacked
from gateway.core.outbound.public_internet import is_own, is_public
from tests.core.outside import ENCODED, V4, V6, addresses, answer, greeting, listening, names, redirect

CONNECTS: list[tuple[str, int]] = []
"""Every address that this process connected a socket to; the interpreter itself tells (PEP 578)."""


def _note_connect(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        CONNECTS.append(arguments[1][:2])


sys.addaudithook(_note_connect)


@asynccontextmanager
async def client(
    *, allowed: tuple[str, ...] = (), ports: frozenset[int] = frozenset({80, 443}), resolve: Any = names
) -> AsyncIterator[GuardedClient]:
    guarded = GuardedClient(
        tls=ssl.create_default_context(), allowed_hosts=allowed, ports=ports, resolve=resolve
    )  # fmt: skip
    try:
        yield guarded
    finally:
        await guarded.aclose()


async def refused(act: Callable[[], Awaitable[Answer]]) -> OutboundError:
    with pytest.raises(OutboundError) as caught:
        await act()
    return caught.value


@pytest.fixture(autouse=True)
def connects() -> Iterator[list[tuple[str, int]]]:
    """What this test connected to."""
    CONNECTS.clear()
    yield CONNECTS
    CONNECTS.clear()


def test_outbound_requests_stay_where_they_may_go_at_150_addresses(connects: list[tuple[str, int]]) -> None:
    urls = addresses()
    assert len(urls) >= 150

    async def try_all() -> list[str]:
        async with listening() as listener, client(ports=frozenset({80, 443, listener.port})) as guarded:
            codes = [(await refused(lambda url=url: guarded.request("GET", url))).code for url in urls]
            for host in (*V4, *ENCODED, *(f"[{address}]" for address in V6), "localhost", "mixed.test", "intern.test"):
                url = f"http://{host}:{listener.port}/"
                codes.append((await refused(lambda url=url: guarded.request("GET", url))).code)
            assert listener.connects == 0
            return codes

    assert set(asyncio.run(try_all())) == {"invalid_url", "forbidden_address", "unknown_host"}
    assert connects == []


def test_the_same_listener_is_reached_once_its_host_is_named(connects: list[tuple[str, int]]) -> None:
    async def ask() -> None:
        async with listening() as listener, client(allowed=("LOCALHOST.",)) as guarded:
            for host in ("localhost", "localhost."):
                assert (await guarded.request("GET", f"http://{host}:{listener.port}/")).content == b"hello"
            error = await refused(lambda: guarded.request("GET", f"http://127.0.0.1:{listener.port}/"))
            assert error.code == "forbidden_address"
            assert set(connects) == {("127.0.0.1", listener.port)}

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("named", "url"),
    [("Bücher.test", "http://bücher.test:81/"), ("bücher.test.", "http://xn--bcher-kva.test:81/"),
     ("xn--bcher-kva.test", "http://BÜCHER.test:81/"), ("0:0:0:0:0:0:0:1", "http://[::1]:81/"),
     ("[::1]", "http://[0:0::1]:81/"), ("[FD00::A]", "http://[fd00:0::a]:81/")],
)  # fmt: skip
def test_a_host_is_named_in_whichever_way_it_is_written(named: str, url: str) -> None:
    with pytest.raises(OutboundError):
        Guard(names, ()).parsed(url)
    Guard(names, (named, "an☃\u2028odd..one")).parsed(url)


@pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "224.0.0.1", "::", "fe80::1", "64:ff9b::7f00:1"])
def test_an_exception_opens_no_metadata_service_and_nothing_that_is_no_host(
    connects: list[tuple[str, int]], address: str
) -> None:
    async def there(host: str, port: int) -> list[str]:
        return [address]

    async def ask() -> None:
        async with client(allowed=("named.test",), resolve=there) as guarded:
            assert (await refused(lambda: guarded.request("GET", "http://named.test/"))).code == "forbidden_address"

    asyncio.run(ask())
    assert connects == []


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_no_redirect_leads_where_the_first_address_may_not(connects: list[tuple[str, int]], status: str) -> None:
    async def ask() -> None:
        async with listening() as forbidden, listening() as outside, client(allowed=("outside.test",), resolve=at) as g:
            same_host = ("http://", "http:///127.0.0.1/")  # without a host, a Location stays where it is
            places = [url for url in addresses() if "://" in url and url.isprintable() and url not in same_host]
            places += [f"//127.0.0.1:{forbidden.port}/", f"http://127.0.0.1:{forbidden.port}/"]
            for place in places:
                outside.pages["/"] = redirect(place, status)
                await refused(lambda: g.request("GET", f"http://outside.test:{outside.port}/"))
            assert outside.connects >= 1
            assert forbidden.connects == 0
            assert {port for _, port in connects} == {outside.port}

    async def at(host: str, port: int) -> list[str]:
        return ["127.0.0.1"] if host == "outside.test" else await names(host, port)

    asyncio.run(ask())


def test_who_does_not_answer_is_told_apart_from_who_speaks_no_tls() -> None:
    async def ask() -> None:
        async with client(allowed=("localhost",)) as guarded:
            async with greeting() as port:
                insecure = await refused(lambda: guarded.request("GET", f"https://localhost:{port}/"))
            away = await refused(lambda: guarded.request("GET", f"http://localhost:{port}/"))
        assert str(insecure) == "localhost has no certificate that is trusted here, or speaks no TLS."
        assert str(away) == f"localhost cannot be reached at port {port}."
        assert insecure.code == away.code == "unreachable"

    asyncio.run(ask())


def test_dns_that_changes_cannot_help(connects: list[tuple[str, int]]) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.1", "93.184.216.34"], ["::1"], ["10.0.0.1"]])
    asked: list[str] = []

    async def changing(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    async def ask() -> None:
        async with listening() as listener, client(ports=frozenset({listener.port}), resolve=changing) as guarded:
            for turn in range(1, 5):
                url = f"http://rebinding.test:{listener.port}/"
                assert (await refused(lambda url=url: guarded.request("GET", url))).code == "forbidden_address"
                assert len(asked) == turn  # one answer is judged and used: there is no second look to lie to
            assert listener.connects == 0

    asyncio.run(ask())
    assert connects == []


class Recorded(httpcore.AsyncNetworkBackend):
    """A network that nobody answers on."""

    def __init__(self) -> None:
        self.connects: list[tuple[str, int]] = []

    async def connect_tcp(self, host: str, port: int, *options: Any) -> httpcore.AsyncNetworkStream:
        self.connects.append((host, port))
        raise httpcore.ConnectError


def test_what_is_judged_is_what_is_connected_to() -> None:
    network = Recorded()

    async def public_first(host: str, port: int) -> list[str]:
        return ["127.0.0.1"] if network.connects else ["203.0.114.1", "2606:4700::1"]

    async def ask() -> None:
        async with client(resolve=public_first) as guarded:
            guarded._guard._network = network
            assert (await refused(lambda: guarded.request("GET", "http://rebinding.test/"))).code == "unreachable"
            assert (await refused(lambda: guarded.request("GET", "http://rebinding.test/"))).code == "forbidden_address"

    asyncio.run(ask())
    assert network.connects == [("203.0.114.1", 80), ("2606:4700::1", 80)]


def test_each_hop_is_asked_about_and_keeps_its_headers_to_itself() -> None:
    seen: list[str] = []

    def check(host: str) -> None:
        seen.append(host)
        if host == "third.test":
            raise OutboundError("not there", code="forbidden_by_preference")

    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def ask() -> None:
        hosts = ("first.test", "second.test", "third.test")
        async with listening() as server, client(allowed=hosts, resolve=here) as guarded:
            server.pages = {
                "/1": answer(
                    b"", f"Location: http://second.test:{server.port}/2", "Set-Cookie: a=b", status="302 Found"
                ),
                "/2": redirect(f"http://third.test:{server.port}/3"),
            }
            url, headers = f"http://first.test:{server.port}/1", {"Authorization": "Bearer canary"}
            error = await refused(lambda: guarded.request("GET", url, headers=headers, check=check))
            assert error.code == "forbidden_by_preference"
            await refused(lambda: guarded.request("GET", url, check=check))
            first, second, again = server.requests[:3]
            assert b"canary" in first
            assert b"canary" not in second
            assert b"ookie" not in second + again

    asyncio.run(ask())
    assert seen[:3] == ["first.test", "second.test", "third.test"]


def test_answers_are_bounded_in_size_time_and_redirects() -> None:
    async def ask() -> None:
        async with listening() as server, client(allowed=("localhost",)) as guarded:
            at = f"http://localhost:{server.port}"
            bomb = gzip.compress(b"\0" * 50_000_000)
            server.pages = {
                "/long": answer(b"x" * 100_000),
                "/bomb": answer(bomb, "Content-Encoding: gzip"),
                "/packed": answer(gzip.compress(b"fine"), "Content-Encoding: gzip"),
                "/broken": answer(b"no gzip", "Content-Encoding: gzip"),
                "/unasked": answer(b"?", "Content-Encoding: br"),
                "/round": redirect("/round"),
                "/hangs": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe",
            }
            bounds = Bounds(total_s=2, body_bytes=1000, redirects=3)
            for path in ("/long", "/bomb"):
                got = await guarded.request("GET", at + path, bounds=bounds)
                assert (len(got.content), got.cut) == (1000, True)
            packed = await guarded.request("GET", at + "/packed", bounds=bounds)
            assert (packed.content, packed.cut) == (b"fine", False)
            server.requests.clear()
            for path, code in {
                "/broken": "broken_answer",
                "/unasked": "broken_answer",
                "/round": "too_many_redirects",
            }.items():
                assert (await refused(lambda path=path: guarded.request("GET", at + path, bounds=bounds))).code == code
            assert len(server.requests) == 2 + 1 + bounds.redirects
            short = Bounds(total_s=0.3)
            assert (
                await refused(lambda: guarded.request("GET", at + "/hangs", bounds=short))
            ).code == "outbound_timeout"

    asyncio.run(ask())


def test_what_follows_a_packed_answer_is_neither_read_nor_kept() -> None:
    async def raw() -> AsyncIterator[bytes]:
        yield gzip.compress(b"fine")
        for _ in range(3):
            yield b"\0" * 65_536
            taken.append(1)

    taken: list[int] = []
    assert asyncio.run(_unpacked(raw(), 1000)) == (b"fine", False)
    assert not taken


def test_what_is_posted_is_not_led_elsewhere() -> None:
    async def ask() -> None:
        async with listening() as server, client(allowed=("localhost",)) as guarded:
            server.pages["/hook"] = redirect("/other", "307 Temporary")
            got = await guarded.request("POST", f"http://localhost:{server.port}/hook", content=b"")
            assert got.status == 307
            assert len(server.requests) == 1

    asyncio.run(ask())


def test_connections_are_kept_and_exceptions_are_not_shared() -> None:
    async def ask() -> None:
        async with listening() as server, client(allowed=("localhost",)) as open_one:
            for _ in range(3):
                await open_one.request("GET", f"http://localhost:{server.port}/")
            assert server.connects == 1
            async with client(ports=frozenset({server.port})) as closed_one:
                await refused(lambda: closed_one.request("GET", f"http://localhost:{server.port}/"))
            assert server.connects == 1

    asyncio.run(ask())


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))
    assert not is_own(ip_address(address))
