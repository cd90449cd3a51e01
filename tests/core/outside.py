"""What requests meet outside: addresses in every spelling, names, and a listener that counts who came."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

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
    closes: set[str] = field(default_factory=set)
    """Pages after which it closes the connection."""
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when somebody has ended a connection."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connects += 1
        self.writers.append(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(head)
                length = re.search(rb"(?i)content-length: (\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                writer.write(self.pages.get(head.split()[1].decode(), answer(b"hello")))
                await writer.drain()
                if head.split()[1].decode() in self.closes:
                    break
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self.left.set()
            writer.close()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def redirect(to: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"Location: {to}", status=status)


@asynccontextmanager
async def greeting() -> AsyncIterator[int]:
    """Something that speaks first, and no TLS, as a mail server does; its port."""

    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


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


def addresses() -> list[str]:
    hosts = [*V4, *ENCODED, *(f"[{address}]" for address in V6)]
    return [f"http://{host}/" for host in hosts] + list(TEXTS)
