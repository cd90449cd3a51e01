"""Outbound requests stay where they may go: 0 forbidden connects, counted where sockets connect."""

import asyncio
import gzip
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import httpcore
import pytest

from gateway.core.guarded_http import Answer, Bounds, GuardedClient, OutboundError
from gateway.core.public_internet import is_own, is_public

CONNECTS: list[tuple[str, int]] = []
"""Every address that this process connected a socket to; the interpreter itself tells (PEP 578)."""


def _note_connect(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        CONNECTS.append(arguments[1][:2])


sys.addaudithook(_note_connect)

V4 = (
    "127.0.0.1", "127.0.0.2", "127.255.255.254", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
    "192.168.0.1", "192.168.255.255", "100.64.0.1", "100.127.255.255", "169.254.0.1", "169.254.169.254", "0.0.0.0",
    "0.1.2.3", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.175.48.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255",
)  # fmt: skip
V6 = (
    "::1", "::", "fe80::1", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "ff05::2",
    "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::127.0.0.1", "::7f00:1",
    "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::",
    "2002:c0a8:101::1", "2002:a9fe:a9fe::", "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001::1", "2001:10::1",
    "2001:20::1", "2001:db8::1", "3fff::1", "5f00::1", "100::1", "2620:4f:8000::1", "0:0:0:0:0:0:0:1",
    "0000:0000:0000:0000:0000:ffff:c0a8:0001",
)  # fmt: skip
ENCODED = (
    "0x7f.1", "0x7f.0.0.1", "0x7f000001", "0X7F000001", "2130706433", "017700000001", "0177.0.0.1", "0177.1", "127.1",
    "127.0.1", "127.000.000.001", "0x7f.0x0.0x0.0x1", "127.0.0.0x1", "10.1", "0xa.1", "012.0.0.1", "192.168.257",
    "0xc0a80001", "3232235521", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.254.43518",
    "0xa9.254.0251.254", "0", "00", "0x0", "127.0.0.1.", "127.0.0.1..", "127.1.", "0x7f.1.", "2130706433.",
    "256.0.0.1", "127.0.0.256", "1.2.3.4.5", ".127.0.0.1", "4294967295", "99999999999", "127.0.0.0x", "0x",
    "1e1.0x7f",
)  # fmt: skip
TEXTS = (
    "http://user@public.test/", "http://user:secret@public.test/", "http://public.test@127.0.0.1/",
    "http://127.0.0.1#@public.test/", "http://127.0.0.1?@public.test/", "http://public.test\\@127.0.0.1/",
    "http:\\\\127.0.0.1\\", "http:///127.0.0.1/", "http:127.0.0.1", "//127.0.0.1/", "127.0.0.1", "", " ", "http://",
    "http:// 127.0.0.1/", "http://127.0.0.1 /", "\thttp://127.0.0.1/", "http://127.0.0.1\n/", "http://127.0.0.1%00/",
    "http://127.0.0.1%2f@public.test/", "http://%31%32%37.0.0.1/", "http://127%2e0%2e0%2e1/", "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/", "http://１２７.0.0.1/", "http://[::1%25lo]/", "http://[fe80::1%25eth0]/", "http://[::1/",
    "http://[127.0.0.1]/", "http://::1/", "http://[v1.fe80::1]/", "http://public.test:99999/", "http://public.test:x/",
    "http://public.test:22/", "http://public.test:25/", "http://public.test:5432/", "http://public.test:6379/",
    "http://public.test:0/", "file:///etc/passwd", "ftp://public.test/", "gopher://127.0.0.1/", "dict://127.0.0.1:11211/",
    "unix:///var/run/docker.sock", "data:text/html,x", "javascript:alert(1)", "ws://127.0.0.1/", "about:blank",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/", "blob:http://127.0.0.1/", "HTTP://LOCALHOST/", "http://localhost./",
    "http://LocalHost/", "http://intern.test/", "http://metadata.test/", "http://mixed.test/", "http://mapped.test/",
    "http://nat64.test/", "http://six.test/", "http://zone.test/", "http://number.test/", "http://none.test/",
    "http://" + "a" * 9000 + ".test/",
)  # fmt: skip
NAMES = {
    "localhost": ["127.0.0.1", "::1"], "localhost.": ["127.0.0.1"], "intern.test": ["10.1.2.3"],
    "metadata.test": ["169.254.169.254"], "mixed.test": ["93.184.216.34", "127.0.0.1"],
    "mapped.test": ["::ffff:127.0.0.1"], "nat64.test": ["64:ff9b::7f00:1"], "six.test": ["2606:4700::1", "::1"],
    "zone.test": ["fe80::1%eth0"], "number.test": ["2130706433"], "none.test": [], "public.test": ["93.184.216.34"],
}  # fmt: skip


@dataclass
class Listener:
    """A server on this machine that answers what `pages` says and counts who came."""

    port: int = 0
    connects: int = 0
    requests: list[bytes] = field(default_factory=list)
    pages: dict[str, bytes] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connects += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(head)
                writer.write(self.pages.get(head.split()[1].decode(), answer(b"hello")))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def redirect(to: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"Location: {to}", status=status)


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener()
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()


async def names(host: str, port: int) -> list[str]:
    if host not in NAMES:
        raise OSError("unknown")
    return NAMES[host]


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


def addresses() -> list[str]:
    hosts = [*V4, *ENCODED, *(f"[{address}]" for address in V6)]
    return [f"http://{host}/" for host in hosts] + list(TEXTS)


def test_150_addresses_and_encodings_make_no_connection(connects: list[tuple[str, int]]) -> None:
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
