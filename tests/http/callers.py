"""Who calls the live gateway in these tests, and how: people, raw sockets, a look into its database."""

import itertools
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import Engine, create_engine, text

from gateway.commands.database import as_system
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import sqlalchemy_url
from gateway.core.postgres.embedded import EmbeddedPostgres
from gateway.features.identity import service as identity
from gateway.features.identity import service_sessions
from tests.conftest import LiveGateway

PASSWORD = "another horse battery staple"
_addresses = itertools.count(2)


@dataclass
class Person:
    """Someone with an account and an API token of all their rights."""

    gateway: LiveGateway
    handle: str
    password: str
    token: str

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request with this person's token."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.gateway.http.request(method, self.gateway.url + path, headers=headers, **options)


class Database:
    """The gateway's database, read past the gateway."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """What a query gives."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query), values).mappings()]

    def run(self, statement: str, **values: Any) -> None:
        """Changes something that no request could."""
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def audit(self, request_id: str) -> list[dict[str, Any]]:
        """What was recorded of one request."""
        return self.rows("SELECT * FROM audit_records WHERE request_id = :id ORDER BY id", id=request_id)


@contextmanager
def database_of(gateway: LiveGateway) -> Iterator[Database]:
    """The database of a gateway that runs with an embedded one."""
    url = EmbeddedPostgres.url_of_running(DataDir(gateway.data_dir))
    assert url is not None
    engine = create_engine(sqlalchemy_url(url))
    yield Database(engine)
    engine.dispose()


def new_person(gateway: LiveGateway, handle: str, role: str = "member") -> Person:
    """Someone of that role with a token they made themselves."""
    manage(gateway, "create", handle, PASSWORD, role=role)
    with at_own_address() as http:
        pair = http.post(f"{gateway.url}/v1/auth/login", json={"handle": handle, "password": PASSWORD})
        assert pair.status_code == 200, pair.text
        headers = {"Authorization": f"Bearer {pair.json()['access_token']}"}
        made = http.post(f"{gateway.url}/v1/tokens", json={"name": "all"}, headers=headers)
    assert made.status_code == 201, made.text
    return Person(gateway, handle, PASSWORD, made.json()["token"])


def manage(gateway: LiveGateway, command: str, handle: str, password: str = "", role: str = "member") -> str:
    """What `app.py user COMMAND HANDLE` does, without the start of a process."""
    config = Config.load(data_dir=gateway.data_dir)
    with as_system(config) as work:
        match command:
            case "create":
                return identity.create_user(work, handle, role=role, password=password).handle
            case "reset-password":
                identity.reset_password(work, identity.account(work, handle), password)
            case "sign-in-code":
                return service_sessions.new_sign_in_code(work, identity.account(work, handle))
            case _:
                identity.set_active(work, identity.account(work, handle), command == "enable")
    return ""


def at_own_address(**options: Any) -> httpx.Client:
    """A client at a loopback address that no other has, so that nobody else's attempts count against it."""
    number = next(_addresses)
    address = f"127.77.{number // 250}.{number % 250 + 1}"
    return httpx.Client(transport=httpx.HTTPTransport(local_address=address), timeout=30, **options)


def send_raw(gateway: LiveGateway, request: bytes, *, timeout_s: float = 20) -> tuple[int, bytes]:
    """Sends bytes as they are; returns the status and everything that came back."""
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=timeout_s) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        with suppress(ConnectionResetError):  # it may close while there is something left to read
            while chunk := connection.recv(65536):
                answer += chunk
    return int(answer.split(b" ", 2)[1]), answer


@dataclass(frozen=True)
class Route:
    """One way into the gateway, with a made-up id in its path."""

    endpoint: str
    method: str
    path: str

    @property
    def is_public(self) -> bool:
        """Whether it is on the public list below, which is written out on purpose."""
        return f"{self.method} {self.endpoint}" in PUBLIC


PUBLIC = {
    "GET static",
    "POST hooks_world.receive",
    "POST identity.login",
    "POST identity.refresh",
    "POST identity.new_code",
    "POST identity.open_session",
    "GET system_root.healthz",
    "GET system_root.readyz",
    "GET system_root.openapi",
    "GET mcp_described.get_protected_resource",
    "GET mcp_described.get_protected_resource_of_path",
    "GET ui.shell",
    "GET ui.assets",
    "GET ui.guide",
    "GET ui.guide_home",
    "GET ui.guide_start",
}
"""Everything that answers a caller without an identity. Adding to it is a decision, not a detail."""


def filled(path: str, name: str, value: str) -> Iterator[str]:
    before, _, rest = path.partition("<")
    inside, _, after = rest.partition(">")
    yield before
    if inside.split(":")[-1] == name:
        yield value + after
    else:
        yield f"<{inside}>"
        yield from filled(after, name, value)


OPENAI_ROUTE = re.compile(r"/v1/(models|embeddings|responses|chat/(completions|warm|answers))(/|$)")
"""Routes that answer errors as OpenAI does (docs/openai.md)."""


def error_code(answer: httpx.Response) -> str:
    """The code of an error, of either shape."""
    body = answer.json()
    return str((body.get("error") or body)["code"])


def assert_openai_error(answer: httpx.Response, status: int, code: str | None = None, field: str | None = None) -> None:
    """The shape of an error on the routes that speak OpenAI's protocol."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    assert list(answer.json()) == ["error"]
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert error["type"].endswith("_error")
    assert code in (None, error["code"])
    assert field in (None, error["param"])
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def assert_problem(answer: httpx.Response, status: int, code: str | None = None, field: str | None = None) -> None:
    """The one shape of every error (RFC 9457), but on the routes that speak OpenAI's protocol."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    if OPENAI_ROUTE.match(answer.request.url.path) and answer.headers["Content-Type"].startswith("application/json"):
        assert_openai_error(answer, status, code, field)
        return
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json"
    problem = answer.json()
    assert set(problem) - {"errors"} == {"type", "title", "status", "detail", "code", "request_id"}
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["X-Request-Id"] != ""
    assert problem["code"].replace("_", "a").isalpha()
    assert problem["code"].islower()
    assert problem["detail"]
    if code is not None:
        assert problem["code"] == code
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    if field is not None:
        assert field in [error["field"] for error in problem["errors"]], problem
        assert all(error["message"] for error in problem["errors"])
