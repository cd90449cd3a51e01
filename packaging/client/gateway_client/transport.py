"""How the client speaks to the gateway: one request, its answer or its problem; written by hand."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, NotRequired, ParamSpec, Protocol, TypedDict, TypeVar

import httpx

P = ParamSpec("P")
T = TypeVar("T")
Content = bytes | Iterable[bytes]

PASSING = (429, 503)
"""Answers that ask for patience (`Retry-After`)."""


class Page(TypedDict, Generic[T]):
    """A page of a list; `count` is there when it was asked for."""

    items: list[T]
    next_cursor: str | None
    count: NotRequired[int | None]


class Looks(Protocol[P, T]):
    """A method that answers a page."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Page[T]:
        """The page."""


class Problem(Exception):
    """What the gateway refuses, and why (RFC 9457); `code` is a stable word, `errors` name each field."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body.get("detail") or body.get("error") or f"status {status}"))
        self.status = status
        self.code = str(body.get("code", ""))
        self.errors: list[dict[str, str]] = body.get("errors") or []


class Transport:
    """A connection to one gateway, as the holder of a token. Close it, or use it in a `with` statement."""

    def __init__(self, url: str, token: str, *, timeout_s: float = 60, patience_s: float = 30) -> None:
        """`patience_s` is how long it tries again what could not be answered at the moment."""
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=timeout_s)
        self._patience_s = patience_s

    def __enter__(self) -> "Transport":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self.http.close()

    def every(self, look: Looks[P, T], *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        """The items of all pages: `every(gateway.list_tasks, status="failed")`."""
        while True:
            page = look(*args, **kwargs)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            kwargs["cursor"] = page["next_cursor"]

    def request(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, json: Any = None,
        content: Content | None = None, headers: Mapping[str, str | None] | None = None,
    ) -> httpx.Response:  # fmt: skip
        """An answer that is no error. Raises Problem, and httpx.TransportError when there is none."""
        asked = {name: _plain(value) for name, value in (query or {}).items() if value is not None}
        sent = {name: value for name, value in (headers or {}).items() if value is not None}
        deadline = time.monotonic() + self._patience_s
        while True:
            answer = self.http.request(method, path, params=asked, json=json, content=content, headers=sent)
            pause = min(float(answer.headers.get("Retry-After", 1)), 5.0)
            is_repeatable = method == "GET" or "Idempotency-Key" in sent
            if answer.status_code not in PASSING or not is_repeatable or time.monotonic() + pause > deadline:
                break
            time.sleep(pause)
        if answer.is_error:
            raise Problem(answer.status_code, _body(answer))
        return answer


def wait_until(look: Callable[[], T], is_done: Callable[[T], bool], *, timeout_s: float = 600) -> T:
    """Looks again and again until `is_done`. Raises TimeoutError."""
    deadline, pause = time.monotonic() + timeout_s, 0.1
    while not is_done(found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"it took longer than {timeout_s:g} s")
        time.sleep(pause)
        pause = min(2.0, pause * 1.5)
    return found


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _body(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
