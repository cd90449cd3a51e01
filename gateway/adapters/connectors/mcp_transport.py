"""The MCP SDK's HTTP client over the guard: its requests go where the guard lets them, and nowhere else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import httpx2

from gateway.core.outbound.exchange import OutboundError
from gateway.core.outbound.guarded_http import GuardedClient

from .failure import AUTHENTICATION_FAILED, ConnectorError, of_the_way_out

MOST_BYTES = 8 * 2**20
"""Bytes of one answer, of a stream of events too."""

_HOP_BY_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})


@dataclass
class Refusals:
    """The first failure that explains all later ones: the SDK wraps what its transport raises."""

    first: ConnectorError | None = None

    def note(self, error: ConnectorError) -> ConnectorError:
        """Keeps it, if it is the first."""
        self.first = self.first or error
        return error


class Through(httpx2.AsyncBaseTransport):
    """Sends each request through a guarded client."""

    def __init__(self, client: GuardedClient, refusals: Refusals, timeout_s: float) -> None:
        self._client = client
        self._refusals = refusals
        self._timeout_s = timeout_s

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request; its answer is read as it comes. Raises ConnectorError."""
        content = await request.aread()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        headers["Accept-Encoding"] = "identity"
        try:
            answer = await self._client.open(
                request.method, str(request.url), headers=headers, content=content or None, timeout_s=self._timeout_s
            )
        except OutboundError as error:
            failure = of_the_way_out(error)
            raise self._refusals.note(failure) from error
        if answer.status_code == 401:
            said = "The server does not take the token; rotate the credential."
            self._refusals.note(ConnectorError(said, code=AUTHENTICATION_FAILED))
        return httpx2.Response(
            answer.status_code, headers=list(answer.headers.multi_items()), stream=_Body(answer), request=request
        )


class _Body(httpx2.AsyncByteStream):
    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for chunk in self._answer.aiter_raw():
            read += len(chunk)
            if read > MOST_BYTES:
                raise ConnectorError("The server's answer is larger than 8 MiB.", code="answer_too_large")
            yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()
