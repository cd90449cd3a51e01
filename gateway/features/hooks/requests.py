"""A request as it came to a hook, its body read, and what of it may be kept. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from gateway.core.errors import BadRequest
from gateway.core.schemas import DEEPEST

HIDDEN = "•••"
"""Stands for a secret in what is kept of a request."""

_SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|signature|api-?key|password", re.IGNORECASE)
_CAPABILITIES = ("token", "response_url")
"""Fields of a body that let whoever knows them speak for the sender (Slack, Mattermost, Discord)."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request. Names of headers are in lower case; what came several times is joined, or a list in the query."""

    headers: Mapping[str, str]
    query: Mapping[str, Any]
    body: bytes
    address: str | None
    at: datetime

    @property
    def media_type(self) -> str:
        """The body's, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Headers(dict[str, str]):
    """Headers as templates see them: however a name is written, `X-GitHub-Event` or `x_github_event`."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(_plain(name))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(_plain(name))

    def get(self, name: str, default: Any = None) -> Any:
        """As of any mapping."""
        return super().get(_plain(name), default)


def read_body(received: Received) -> Any:
    """The body as templates see it: JSON, the fields of a form, or text. Raises BadRequest.

    JSON that was sent as a form, as curl does when it is told nothing, is JSON.
    """
    media_type = received.media_type
    looks_like_json = received.body.lstrip()[:1] in (b"{", b"[")
    if media_type.endswith(("/json", "+json")) or (looks_like_json and media_type != "multipart/form-data"):
        return _json(received.body) if received.body.strip() else None
    if media_type == "application/x-www-form-urlencoded":
        return _form(received.body)
    return received.body.decode("utf-8", "replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")


def capabilities(body: Any) -> list[str]:
    """The values in a body that nobody but the gateway may know."""
    if not isinstance(body, dict):
        return []
    nested = body.get("payload")
    places = [body, nested] if isinstance(nested, dict) else [body]
    found = [place.get(name) for place in places for name in _CAPABILITIES]
    return [value for value in found if isinstance(value, str) and len(value) >= 8]


def without_secrets(received: Received, secrets: Iterable[str], headers: Iterable[str] = ()) -> Received:
    """What may be kept of a request and shown: its secret headers and parameters, and these values, are hidden."""
    named = {name.lower() for name in headers}
    ways = {
        way
        for secret in secrets
        for way in (secret, quote_plus(secret, errors="replace"), json.dumps(secret)[1:-1], secret.replace("/", "\\/"))
    }
    written = sorted(ways, key=len, reverse=True)  # one may begin with another
    kept = {
        name: HIDDEN if name in named or _SECRET_HEADER.search(name) else _hidden(value, written)[:2000]
        for name, value in list(received.headers.items())[:100]
    }
    query = {
        _hidden(name, written): HIDDEN if _SECRET_HEADER.search(name) else _hidden(value, written)
        for name, value in received.query.items()
    }
    body = received.body
    for way in written:
        body = body.replace(way.encode("utf-8", "surrogatepass"), HIDDEN.encode())  # JSON can have half a pair
    return Received(kept, query, body, received.address, received.at)


def _hidden(value: Any, written: Iterable[str]) -> Any:
    """A text, or each of several, without what nobody may see."""
    if isinstance(value, list):
        return [_hidden(each, written) for each in value]
    for way in written:
        value = value.replace(way, HIDDEN)
    return value


def _json(text: bytes) -> Any:
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise BadRequest("The body is nested too deeply.") from error
    except ValueError as error:
        raise BadRequest("The body is not valid JSON in UTF-8.") from error
    _check_depth(data)
    return data


def _form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000, errors="replace")
    except ValueError as error:
        raise BadRequest("The body is not a form in UTF-8 with at most 1000 fields.") from error
    fields: dict[str, Any] = {name: value.replace("\x00", "") for name, value in pairs}
    if fields.get("payload", "").lstrip().startswith("{"):
        fields["payload"] = _json(fields["payload"].encode())
    return fields


def _check_depth(data: Any) -> None:
    waiting = [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEEPEST:
            raise BadRequest(f"The body is nested more than {DEEPEST} levels deep.")
        inside: Iterable[Any] = ()
        if isinstance(value, dict):
            inside = value.values()
        elif isinstance(value, list):
            inside = value
        waiting += [(item, depth + 1) for item in inside if isinstance(item, dict | list)]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
