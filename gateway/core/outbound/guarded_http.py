"""The one way out to addresses that a user, a model or a page chose (Smokescreen's rules, in the client).

Every host is resolved here and each of its addresses judged; the connection goes to a judged address and to no
other, so that a second, different answer of the DNS changes nothing. Redirects are followed here, each judged anew.
"""

import asyncio
import http.cookiejar
import socket
import ssl
import zlib
from collections.abc import AsyncIterable, Iterable, Mapping
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx

from .exchange import Answer, Bounds, Check, OutboundError, Resolve, broken_off, insecure, late, timed_out, unreachable
from .public_internet import Address, is_own, is_public, literal

WEB_PORTS = frozenset({80, 443, 8080, 8443})
"""Where one may go without an exception: on others speak services that were not made for strangers."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})


class GuardedClient:
    """Requests to public addresses, and to one's own networks where a host is named in `allowed_hosts`.

    Connections are kept and never shared with another client, so an exception of one is none of another. It keeps
    no cookies and asks no proxy, which would resolve names by itself. `check` is asked about every host.
    """

    def __init__(
        self, *, tls: ssl.SSLContext, allowed_hosts: Iterable[str] = (), ports: frozenset[int] = WEB_PORTS,
        user_agent: str = "user-api-gateway", resolve: Resolve | None = None, check: Check | None = None,
    ) -> None:  # fmt: skip
        self._guard = Guard(resolve, allowed_hosts, ports, check)
        self._http = httpx.AsyncClient(
            transport=_Transport(self._guard, tls),
            trust_env=False,
            cookies=http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": user_agent, "Accept-Encoding": "gzip"},
        )

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, content: bytes | None = None,
        bounds: Bounds | None = None, check: Check | None = None,
    ) -> Answer:  # fmt: skip
        """One request. Redirects of GET and HEAD are followed; `headers` go to the first origin alone.

        Raises OutboundError.
        """
        bounds = bounds or Bounds()
        try:
            async with asyncio.timeout(bounds.total_s):
                return await self._follow(method, self._guard.parsed(url), dict(headers or {}), content, bounds, check)
        except TimeoutError as error:
            raise timed_out(bounds.total_s) from error

    async def open(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes | None, timeout_s: float
    ) -> httpx.Response:
        """The beginning of an answer, which the caller reads and closes; no redirect is followed.

        Raises OutboundError.
        """
        request = self._http.build_request(
            method, self._guard.parsed(url), headers=headers, content=content, timeout=timeout_s
        )
        try:
            return await self._http.send(request, stream=True, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _failure(error, request.url.host) from error

    async def aclose(self) -> None:
        """Closes what is kept open."""
        await self._http.aclose()

    async def _follow(
        self, method: str, target: httpx.URL, headers: dict[str, str], content: bytes | None, bounds: Bounds,
        check: Check | None,
    ) -> Answer:  # fmt: skip
        timeout = httpx.Timeout(bounds.total_s, connect=bounds.connect_s)
        for _ in range(bounds.redirects + 1):
            if check is not None:
                check(plain_host(target.raw_host.decode("ascii")))
            request = self._http.build_request(method, target, headers=headers, content=content, timeout=timeout)
            answer, location = await self._send(request, bounds.body_bytes)
            if location is None or method not in ("GET", "HEAD"):
                return answer
            following = self._guard.parsed(location, base=target)
            if _origin(following) != _origin(target):
                headers = {}
            target = following
        raise OutboundError(f"It was redirected more than {bounds.redirects} times.", code="too_many_redirects")

    async def _send(self, request: httpx.Request, most: int) -> tuple[Answer, str | None]:
        place = request.url.host
        try:
            response = await self._http.send(request, stream=True, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # httpx reads a Location, whoever follows it
            raise _failure(error, place) from error
        try:
            location = response.headers.get("Location") if response.status_code in REDIRECTS else None
            content, cut = (b"", False) if location else await _body(response, most)
        except httpx.HTTPError as error:
            raise _failure(error, place) from error
        finally:
            await response.aclose()
        return Answer(str(request.url), response.status_code, response.headers, content, cut), location

    def judge(self, url: str) -> None:
        """Judges an address as far as its text tells: names are judged when they are connected to.

        Raises OutboundError.
        """
        self._guard.parsed(url)


class Guard(httpcore.AsyncNetworkBackend):
    """Opens connections, and only to addresses it has judged: the innermost place, which nothing goes around."""

    def __init__(
        self, resolve: Resolve | None, allowed_hosts: Iterable[str], ports: frozenset[int] = WEB_PORTS,
        check: Check | None = None,
    ) -> None:  # fmt: skip
        self._resolve = resolve or _resolve
        self._excepted = frozenset(plain_host(host) for host in allowed_hosts)
        self._ports = ports
        self._check = check
        self._network = httpcore.AnyIOBackend()

    def parsed(self, url: str, base: httpx.URL | None = None) -> httpx.URL:
        """The address, judged as far as its text tells. Raises OutboundError."""
        if len(url) > 8192 or not url.isprintable() or " " in url or "\\" in url:
            raise _bad_url("An address must be without spaces, backslashes and control characters")
        try:
            target = base.join(url) if base is not None else httpx.URL(url)
            host = target.raw_host.decode("ascii")
        except (httpx.InvalidURL, UnicodeError, ValueError, TypeError) as error:
            raise _bad_url("That is no address of the web") from error
        if target.scheme not in ("http", "https") or not host:
            raise _bad_url("An address must begin with http:// or https:// and name a host")
        if target.userinfo:
            raise _bad_url("An address must not hold a user name or a password")
        port = target.port if target.port is not None else {"http": 80, "https": 443}[target.scheme]
        if port not in self._ports and plain_host(host) not in self._excepted:
            raise OutboundError(f"Port {port} is not one of the web.", code="forbidden_address")
        self.judge_name(host)
        return target

    def judge_name(self, host: str) -> Address | None:
        """The address that the host is written as, judged; None for a name. Raises OutboundError."""
        if self._check is not None:
            self._check(plain_host(host))
        try:
            address = literal(host)
        except ValueError as error:
            raise _bad_url(f"{host[:253]} is {error}") from error
        if address is not None:
            self._judge(host, address)
        return address

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,  # noqa: ASYNC109
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:  # fmt: skip
        """Connects to the first address that answers, when all of them may be connected to."""
        failure: Exception | None = None
        try:
            async with asyncio.timeout(timeout):
                for address in await self.addresses(host, port):
                    try:
                        return await self._network.connect_tcp(str(address), port, None, local_address, socket_options)
                    except httpcore.ConnectError as error:
                        failure = error
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        raise unreachable(host, port) from failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:  # fmt: skip
        """Never."""
        raise OutboundError("A socket of this machine is no address of the web.", code="forbidden_address")

    async def sleep(self, seconds: float) -> None:
        """As the network's own."""
        await self._network.sleep(seconds)

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Where the host is, each address judged. Raises OutboundError."""
        written = self.judge_name(host)
        if written is not None:
            return [written]
        try:
            found = [literal(text) for text in await self._resolve(host, port)]
        except (OSError, UnicodeError, ValueError) as error:
            raise OutboundError(f"The host {host[:253]} is not known.", code="unknown_host", permanent=False) from error
        addresses = [address for address in found if address is not None]
        if not addresses:
            raise OutboundError(f"The host {host[:253]} has no address.", code="unknown_host", permanent=False)
        for address in addresses:
            self._judge(host, address)
        return addresses

    def _judge(self, host: str, address: Address) -> None:
        if is_public(address) or (is_own(address) and plain_host(host) in self._excepted):
            return
        raise OutboundError(f"{host[:253]} is not on the public internet.", code="forbidden_address")


class _Transport(httpx.AsyncHTTPTransport):
    """httpx over connections of the guard."""

    def __init__(self, guard: Guard, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls, network_backend=guard, max_connections=100, max_keepalive_connections=20,
            keepalive_expiry=30,
        )  # fmt: skip


async def open_socket(
    host: str, port: int, *, allowed_hosts: Iterable[str] = (), connect_s: float, check: Check | None = None
) -> socket.socket:
    """A connection to `host` under the same rules, for protocols other than HTTP; any port. Raises OutboundError."""
    guard = Guard(None, allowed_hosts, check=check)
    failure: Exception | None = None
    try:
        async with asyncio.timeout(connect_s):
            for address in await guard.addresses(host, port):
                connection = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)
                connection.setblocking(False)
                try:
                    await asyncio.get_running_loop().sock_connect(connection, (str(address), port))
                except BaseException as error:
                    connection.close()
                    if not isinstance(error, OSError) or isinstance(error, TimeoutError):
                        raise
                    failure = error
                else:
                    return connection
    except TimeoutError as error:
        failure = error
    raise unreachable(host, port) from failure


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _body(response: httpx.Response, most: int) -> tuple[bytes, bool]:
    """The unpacked body up to `most` bytes, and whether it was cut. A packed one never grows beyond that in memory."""
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("identity", "", "gzip", "x-gzip"):
        raise OutboundError("The answer is packed in a way that was not asked for.", code="broken_answer")
    raw = response.aiter_raw()
    return await (_plain_body(raw, most) if coding in ("identity", "") else _unpacked(raw, most))


async def _plain_body(raw: AsyncIterable[bytes], most: int) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in raw:
        body += chunk
        if len(body) > most:
            return bytes(body[:most]), True
    return bytes(body), False


async def _unpacked(raw: AsyncIterable[bytes], most: int) -> tuple[bytes, bool]:
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)  # with gzip's header
    body = bytearray()
    try:
        async for chunk in raw:
            if unpacker.eof:  # what still comes is no part of it, and zlib would keep all of it
                break
            body += unpacker.decompress(chunk, most + 1 - len(body))
            if len(body) > most:
                return bytes(body[:most]), True
    except zlib.error as error:
        raise OutboundError("The answer is packed wrongly.", code="broken_answer") from error
    return bytes(body), False


def plain_host(host: str) -> str:
    """A host as it is compared: in ASCII and lower case, without brackets and the root's dot; an address as it is
    usually written.
    """
    bare = host.strip("[]").lower().removesuffix(".")
    with suppress(ValueError):
        return str(ip_address(bare))
    with suppress(httpx.InvalidURL):
        return bare if bare.isascii() else httpx.URL(scheme="http", host=bare).raw_host.decode("ascii")
    return bare


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port


def _bad_url(problem: str) -> OutboundError:
    return OutboundError(f"{problem}.", code="invalid_url")


def _failure(error: Exception, place: str) -> OutboundError:
    if isinstance(error, httpx.TimeoutException):
        return late(place)
    if isinstance(error, httpx.ConnectError):
        return insecure(place)  # where nobody answers at all, `Guard` says so
    return broken_off(place)
