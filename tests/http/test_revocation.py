"""Revoking ends what is open: the next request, event streams, run streams and WebSockets, within a second."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
import websocket

from gateway.commands.database import as_system
from gateway.core.config import Config
from gateway.features.identity import service, service_tokens
from tests.conftest import LiveGateway, wait_until
from tests.http.callers import PASSWORD, Database, Person, at_own_address, manage, new_person

WITHIN_S = 1.0


class Opened:
    """Everything that one identity can have open; `closed` gives the moment when the last of it has ended."""

    def __init__(self, gateway: LiveGateway, token: str, run_id: str) -> None:
        self.gateway, self.headers = gateway, {"Authorization": f"Bearer {token}"}
        self._stack = ExitStack()
        self._pool = self._stack.enter_context(ThreadPoolExecutor(5))
        self._begun = threading.Barrier(6, timeout=20)
        self._ends: dict[str, Future[float]] = {
            "events": self._pool.submit(self._stream, "/v1/events/stream"),
            "run": self._pool.submit(self._stream, f"/v1/runs/{run_id}/stream"),
            "socket": self._pool.submit(self._socket, "/v1/events/ws", True),
            "idle socket": self._pool.submit(self._socket, "/v1/events/ws", False),
            "run socket": self._pool.submit(self._socket, f"/v1/runs/{run_id}/ws", False),
        }
        self._begun.wait()

    def _stream(self, path: str) -> float:
        with httpx.stream("GET", self.gateway.url + path, headers=self.headers, timeout=20, trust_env=False) as answer:
            assert answer.status_code == 200, answer.read()
            for number, _ in enumerate(answer.iter_lines()):
                if number == 0:
                    self._begun.wait()
        return time.monotonic()

    def _socket(self, path: str, subscribe: bool) -> float:
        socket = websocket.create_connection(
            self.gateway.url.replace("http", "ws") + path,
            header=[f"Authorization: {self.headers['Authorization']}"], suppress_origin=True, timeout=20,
        )  # fmt: skip
        if subscribe:
            socket.send('{"subscribe": ["**"]}')
            assert socket.recv() == '{"subscribed": true}'
        self._begun.wait()
        while True:
            opcode, data = socket.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                moment = time.monotonic()
                socket.shutdown()
                assert int.from_bytes(data[:2], "big") == 1008
                return moment

    def closed_after(self, moment: float) -> dict[str, float]:
        """Seconds from `moment` to each end."""
        with self._stack:
            return {name: end.result(15) - moment for name, end in self._ends.items()}

    def answer(self) -> int:
        """What the next request gets."""
        with at_own_address() as http:  # other tests may have used up the wrong tokens of the common address
            return http.get(f"{self.gateway.url}/v1/users/me", headers=self.headers).status_code


@pytest.fixture(scope="module")
def person(live_gateway: LiveGateway) -> Person:
    """Someone whose run goes on for long."""
    return new_person(live_gateway, "revoked")


@pytest.fixture(scope="module")
def run_id(person: Person) -> Iterator[str]:
    """A run of that person that does not end by itself."""
    task = person.call("POST", "/v1/tasks", json={"commands": ["echo begun; sleep 120"]}).json()
    run = wait_until(lambda: person.call("GET", f"/v1/runs?task_id={task['id']}").json()["items"], 20)[0]["id"]
    wait_until(lambda: person.call("GET", f"/v1/runs/{run}").json()["status"] == "running", 20)
    yield str(run)
    with as_system(Config.load(data_dir=person.gateway.data_dir)) as work:
        service.set_active(work, service.account(work, person.handle), True)
    person.gateway.call("POST", f"/v1/tasks/{task['id']}/cancel")


@pytest.fixture
def back(live_gateway: LiveGateway, person: Person) -> Iterator[None]:
    """Lets the person in again, with the password of before."""
    yield
    manage(live_gateway, "enable", person.handle)
    manage(live_gateway, "reset-password", person.handle, PASSWORD)


def login(person: Person) -> dict[str, Any]:
    """A login, with its session's id."""
    with at_own_address(base_url=person.gateway.url) as http:
        pair = http.post("/v1/auth/login", json={"handle": person.handle, "password": PASSWORD}).json()
        headers = {"Authorization": f"Bearer {pair['access_token']}"}
        sessions = http.get("/v1/users/me/sessions", headers=headers).json()["items"]
    return {"id": next(item["id"] for item in sessions if item["current"]), "token": pair["access_token"]}


def api_token(person: Person) -> dict[str, Any]:
    """Another API token."""
    owner = person.gateway
    with as_system(Config.load(data_dir=owner.data_dir)) as work:
        user = service.account(work, person.handle)
        made, secret = service_tokens.create_token(work, "revoked", None, None, user=user)
        return {"id": str(made.id), "token": secret}


def user_id(person: Person) -> str:
    found = person.gateway.call("GET", f"/v1/users?q={person.handle}").json()["items"]
    return str(found[0]["id"])


def by_itself(person: Person, opened: dict[str, Any], database: Database) -> None:
    headers = {"Authorization": f"Bearer {opened['token']}"}
    answer = person.call("POST", "/v1/auth/logout", headers=headers)
    assert answer.status_code == 204


def by_list(person: Person, opened: dict[str, Any], database: Database) -> None:
    assert person.call("DELETE", f"/v1/users/me/sessions/{opened['id']}").status_code == 204


def by_admin(person: Person, opened: dict[str, Any], database: Database) -> None:
    path = f"/v1/users/{user_id(person)}/revoke_sessions"
    assert person.gateway.call("POST", path).json()["sessions"] >= 1


def by_reset(person: Person, opened: dict[str, Any], database: Database) -> None:
    path = f"/v1/users/{user_id(person)}/reset_password"
    assert person.gateway.call("POST", path, json={"password": "another one for now"}).status_code == 204


def by_disabling(person: Person, opened: dict[str, Any], database: Database) -> None:
    assert person.gateway.call("POST", f"/v1/users/{user_id(person)}/disable").status_code == 200


def by_another_process(person: Person, opened: dict[str, Any], database: Database) -> None:
    manage(person.gateway, "disable", person.handle)


def by_time(person: Person, opened: dict[str, Any], database: Database) -> None:
    database.run("UPDATE auth_sessions SET expires_at = now() WHERE id = :id", id=opened["id"])


def by_revoking(person: Person, opened: dict[str, Any], database: Database) -> None:
    assert person.call("DELETE", f"/v1/tokens/{opened['id']}").status_code == 204


def by_revoking_elsewhere(person: Person, opened: dict[str, Any], database: Database) -> None:
    with as_system(Config.load(data_dir=person.gateway.data_dir)) as work:
        service_tokens.revoke_token(work, uuid.UUID(opened["id"]))


def by_token_time(person: Person, opened: dict[str, Any], database: Database) -> None:
    """Nothing tells of it: no event, no notification."""
    database.run("UPDATE api_tokens SET expires_at = now() WHERE id = :id", id=opened["id"])


Way = Callable[[Person, dict[str, Any], Database], None]


@pytest.mark.parametrize(
    ("opening", "way"),
    [
        *((login, way) for way in (by_itself, by_list, by_admin, by_reset, by_disabling, by_another_process, by_time)),
        *((api_token, way) for way in (by_revoking, by_revoking_elsewhere, by_token_time, by_disabling)),
    ],
)
@pytest.mark.usefixtures("back")
def test_revoking_ends_what_is_open(
    person: Person, run_id: str, database: Database, opening: Callable[[Person], dict[str, Any]], way: Way
) -> None:
    mine = opening(person)
    opened = Opened(person.gateway, mine["token"], run_id)
    assert opened.answer() == 200
    before = time.monotonic()
    way(person, mine, database)
    done = time.monotonic()
    # Measured from when the revocation was acknowledged; nothing ends before it began.
    ends = opened.closed_after(done)
    assert max(ends.values()) <= WITHIN_S, ends
    assert min(ends.values()) >= before - done
    assert opened.answer() == 401


@pytest.mark.usefixtures("back")
def test_what_others_have_open_goes_on(person: Person, run_id: str, database: Database) -> None:
    mine = api_token(person)
    with httpx.stream(
        "GET", f"{person.gateway.url}/v1/events/stream", timeout=20, trust_env=False,
        headers={"Authorization": f"Bearer {person.gateway.token}"},
    ) as others:  # fmt: skip
        lines = others.iter_lines()
        next(lines)
        opened = Opened(person.gateway, mine["token"], run_id)
        assert person.call("DELETE", f"/v1/tokens/{mine['id']}").status_code == 204
        assert max(opened.closed_after(time.monotonic()).values()) <= WITHIN_S
        assert any("token.revoked" in line for line in lines), "it is told of it, and stays"


def test_revoking_ends_a_download_that_is_on_its_way(person: Person) -> None:
    """It is more than fits between the two ends, so that it cannot have been sent before."""
    mine = api_token(person)
    headers = {"Authorization": f"Bearer {mine['token']}"}
    made = person.call("POST", "/v1/artifacts?filename=large", content=bytes(64 * 2**20))
    path = f"/v1/artifacts/{made.json()['id']}/content"
    with httpx.stream("GET", person.gateway.url + path, headers=headers, timeout=20, trust_env=False) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_raw(2**16)
        next(pieces)
        assert person.call("DELETE", f"/v1/tokens/{mine['id']}").status_code == 204
        time.sleep(WITHIN_S)
        with pytest.raises(httpx.TransportError):
            for _ in pieces:
                pass


def test_a_download_of_somebody_else_goes_on(person: Person) -> None:
    """And so does the next request on a connection whose download is over."""
    mine = api_token(person)
    made = person.call("POST", "/v1/artifacts?filename=large", content=bytes(16 * 2**20))
    path = f"/v1/artifacts/{made.json()['id']}/content"
    url, headers = person.gateway.url, {"Authorization": f"Bearer {person.token}"}
    with httpx.Client(base_url=url, timeout=20, trust_env=False) as client:
        assert client.get(path, headers={"Authorization": f"Bearer {mine['token']}"}).status_code == 200
        with client.stream("GET", path, headers=headers) as answer:
            pieces = answer.iter_raw(2**16)
            size = len(next(pieces))
            assert person.call("DELETE", f"/v1/tokens/{mine['id']}").status_code == 204
            time.sleep(WITHIN_S)
            assert size + sum(len(piece) for piece in pieces) == 16 * 2**20
