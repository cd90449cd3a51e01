"""Connectors of a live gateway, and the peers that they reach."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.conftest import LiveGateway
from tests.connectors.peers import Peer, peer
from tests.http.callers import Database, Person, database_of, new_person

Call = Callable[..., httpx.Response]


@dataclass
class Installed:
    """A connector as somebody uses it."""

    call: Call
    id: str
    there: Peer
    credential_id: str = ""

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/v1/connectors/{self.id}"

    def ask(self, operation: str | None = None, arguments: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        """Invokes an operation, that of the peer where none is named."""
        wish = {"arguments": self.there.arguments if arguments is None else arguments, **more.pop("body", {})}
        return self.call("POST", f"{self.path}/operations/{operation or self.there.operation}", json=wish, **more)

    def explained(self, operation: str, action: str) -> dict[str, Any]:
        """What `access/explain` says of it."""
        asked = {"action": action, "resource": f"connectors/{self.id}", "operation": operation}
        return self.call("GET", "/v1/access/explain", params=asked).json()  # type: ignore[no-any-return]

    def change(self, **patch: Any) -> None:
        """Changes it."""
        answer = self.call("PATCH", self.path, json=patch)
        assert answer.status_code == 200, answer.text

    def now(self) -> dict[str, Any]:
        """As it is."""
        return self.call("GET", self.path).json()  # type: ignore[no-any-return]

    def history(self, **filters: str) -> list[dict[str, Any]]:
        """What was asked of it, the newest first."""
        return self.call("GET", f"{self.path}/operations", params=filters).json()["items"]  # type: ignore[no-any-return]


def install(call: Call, there: Peer, **wish: Any) -> Installed:
    """Installs a connector to a peer, with its credential."""
    config = {**there.config, **wish.pop("config", {})}
    secret = wish.pop("secret", there.secret)
    name = f"{there.kind}-{uuid.uuid4().hex[:12]}"
    made = call("POST", "/v1/connectors", json={"type": there.kind, "name": name, "config": config, **wish})
    assert made.status_code == 201, made.text
    installed = Installed(call, made.json()["id"], there)
    if secret is not None:
        kept = call("POST", f"{installed.path}/credentials", json={"secret": secret})
        assert kept.status_code == 201, kept.text
        installed.credential_id = kept.json()["id"]
    return installed


@pytest.fixture(scope="module")
def slack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with peer("slack", tmp_path_factory.mktemp("slack")) as found:
        yield found


@pytest.fixture(scope="module")
def imap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with peer("imap", tmp_path_factory.mktemp("imap")) as found:
        yield found


@pytest.fixture(scope="module")
def interface(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with peer("http", tmp_path_factory.mktemp("http")) as found:
        yield found


@pytest.fixture(scope="module")
def bob(live_gateway: LiveGateway) -> Person:
    """A member who has nothing to do with the owner's connectors."""
    return new_person(live_gateway, f"bob-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def database(live_gateway: LiveGateway) -> Iterator[Database]:
    """The live gateway's database."""
    with database_of(live_gateway) as found:
        yield found
