"""Interfaces over HTTP: requests through the guard, and failures in the words of the contract."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from gateway.core.outbound.exchange import Answer, Bounds, OutboundError

from .egress import Egress
from .failure import AUTHENTICATION_FAILED, ConnectorError, of_the_way_out

JSON_BYTES = 1 * 2**20
"""Bytes of an answer of an interface in JSON."""


def basic(user: str, password: str) -> str:
    """The value of Authorization for a name and a password (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class JsonApi:
    """An interface in JSON at one address, with the headers that sign in. Failures come as errors of the contract."""

    def __init__(self, egress: Egress, base_url: str, headers: Mapping[str, str]) -> None:
        self._egress = egress
        self._base_url = base_url.rstrip("/")
        self._headers = {"Accept": "application/json", **headers}

    async def call(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """What the interface answers, parsed. Raises ConnectorError."""
        answer = await self.send(method, path, query=query, body=body)
        if answer.cut:
            raise ConnectorError("The answer is larger than a connector takes; ask for less.", code="answer_too_large")
        if not answer.content.strip():
            return {}
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            raise ConnectorError("The service answered something that is no JSON.", code="unexpected_answer") from error

    async def send(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None) -> Answer:
        """The answer as it came, once its status says that it went well. Raises ConnectorError."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = f"{self._base_url}{path}" + (f"?{urlencode(given, doseq=True)}" if given else "")
        headers = dict(self._headers)
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        answer = await request(self._egress, method, url, headers=headers, content=content)
        check_status(answer)
        return answer


async def request(
    egress: Egress, method: str, url: str, *, headers: Mapping[str, str] | None = None, content: bytes | None = None,
    most: int = JSON_BYTES,
) -> Answer:  # fmt: skip
    """One request through the guard. Raises ConnectorError."""
    try:
        return await egress.client.request(
            method, url, headers=headers, content=content, bounds=Bounds(total_s=25, body_bytes=most)
        )
    except OutboundError as error:
        raise of_the_way_out(error) from error


def check_status(answer: Answer) -> None:
    """Raises ConnectorError for a status that says it did not go well."""
    status = answer.status
    if 200 <= status < 300:
        return
    if status == 401:
        message = "The service does not take the credential; rotate it."
        raise ConnectorError(message, code=AUTHENTICATION_FAILED)
    if status == 403:
        raise ConnectorError("The service does not allow this with that credential.", code="forbidden_by_service")
    if status == 404:
        raise ConnectorError("The service knows nothing of that name.", code="not_found_at_service")
    if status == 429:
        wait = answer.headers.get("Retry-After", "")
        after = f" in {wait} seconds" if wait.isdigit() else " later"
        raise ConnectorError(f"The service is asked too often; try again{after}.", code="rate_limited", permanent=False)
    told = answer.content[:300].decode("utf-8", "replace")
    permanent = status < 500
    raise ConnectorError(f"The service answered {status}: {told}", code="refused_by_service", permanent=permanent)


def segment(text: object) -> str:
    """A value as one segment of a path."""
    return quote(str(text), safe="")
