"""The guarded ways out of one connector: HTTP, and connections to mail servers. Everything else has none."""

import socket
import ssl
from collections.abc import Iterable
from functools import cached_property

import truststore

from gateway.core.outbound.exchange import Check, OutboundError
from gateway.core.outbound.guarded_http import GuardedClient, open_socket

MAIL_PORTS = frozenset({25, 110, 143, 465, 587, 993, 995, 2525})


class Egress:
    """Reaches public hosts, and the private ones that are named in `allowed_hosts`; of both what `check` lets pass."""

    def __init__(
        self, allowed_hosts: Iterable[str] = (), tls: ssl.SSLContext | None = None, check: Check | None = None
    ) -> None:
        self.allowed_hosts = tuple(allowed_hosts)
        self._given_tls = tls
        self._check = check

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """What certificates are checked against: the trust store of the operating system."""
        return self._given_tls or truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    @cached_property
    def client(self) -> GuardedClient:
        """The client for HTTP."""
        return GuardedClient(tls=self.tls, allowed_hosts=self.allowed_hosts, check=self._check)

    async def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """A connection to a mail server, at an address that was judged. Raises OutboundError."""
        excepted = {name.lower() for name in self.allowed_hosts}
        if port not in MAIL_PORTS and host.lower() not in excepted:
            raise OutboundError(f"Port {port} is not one of mail servers.", code="forbidden_address")
        return await open_socket(host, port, allowed_hosts=self.allowed_hosts, connect_s=timeout_s, check=self._check)

    async def aclose(self) -> None:
        """Closes what is kept open."""
        if "client" in vars(self):
            await self.client.aclose()
