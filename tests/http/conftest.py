"""Callers of the live gateway: the owner, other people, nobody; and a look into its database."""

import uuid
from collections.abc import Callable, Iterator

import httpx
import pytest
from flask import Flask

from gateway.core.data_dir import DataDir
from tests.conftest import LiveGateway
from tests.http.callers import Database, Person, Route, at_own_address, database_of, filled, new_person


@pytest.fixture(scope="session")
def spare_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    """One that tests may fill with owners and rubbish, stop and start; each leaves it running and open to its owner."""
    gateway = LiveGateway(tmp_path_factory.mktemp("spare") / "data")
    try:
        yield gateway.start().sign_up().wait_ready()
    finally:
        gateway.close()


@pytest.fixture(scope="module")
def quick_model(spare_gateway: LiveGateway) -> Iterator[None]:
    """A default model that is not there: a real one would talk for minutes about what makes no sense."""
    spare_gateway.call("PUT", "/v1/settings/chat.default_model", json={"value": "nobody/none"}).raise_for_status()
    yield
    spare_gateway.call("DELETE", "/v1/settings/chat.default_model")


@pytest.fixture(scope="session")
def database(live_gateway: LiveGateway) -> Iterator[Database]:
    """The live gateway's database."""
    with database_of(live_gateway) as found:
        yield found


@pytest.fixture(scope="session")
def bob(live_gateway: LiveGateway) -> Person:
    """A member who may see nothing of the owner's."""
    return new_person(live_gateway, "bob")


@pytest.fixture(scope="session")
def viewer(live_gateway: LiveGateway) -> Person:
    """Someone who may only look."""
    return new_person(live_gateway, "vera", role="viewer")


@pytest.fixture
def fresh_person(live_gateway: LiveGateway) -> Callable[[], Person]:
    """Makes people that a test may disable."""
    return lambda: new_person(live_gateway, f"p-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def stranger(live_gateway: LiveGateway) -> Iterator[httpx.Client]:
    """A client without any identity, at an address of its own."""
    with at_own_address(base_url=live_gateway.url) as client:
        yield client


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application as it is put together, pages included, without a database."""
    from gateway.application import add_pages, create_app
    from gateway.core.config import Config
    from ui.pages import blueprint

    data_dir = DataDir(tmp_path_factory.mktemp("app"))
    data_dir.prepare()
    made = create_app(Config(data_dir=data_dir.path), "postgresql://localhost/none")
    add_pages(made, blueprint())
    return made


WORDS = {"scope_type": "user", "scope_id": "-"}
"""Parts of paths that are no ids and not any text either."""


@pytest.fixture(scope="session")
def routes(app: Flask) -> list[Route]:
    """Every method of every route of the URL map."""
    found = []
    for rule in app.url_map.iter_rules():
        path = str(rule)
        for name in rule.arguments:
            value = WORDS.get(name, "x") if f"path:{name}" in path or f"<{name}>" in path else str(uuid.uuid4())
            path = "".join(filled(path, name, value))
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        found += [Route(rule.endpoint, method, path) for method in methods]
    return found
