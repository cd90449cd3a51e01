"""A node that shares nothing with the gateway but the database: files reach it, and come back, by the gateway."""

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from gateway.core.errors import MissingPart
from gateway.features.artifacts import remote_store
from gateway.features.artifacts.remote_store import RemoteStore
from tests.conftest import LiveGateway, wait_until
from tests.execution.conftest import another_node, database_url, online
from tests.http.callers import assert_problem, new_person

CARRY = "nodes.carry_files"
LARGE = 24 * 2**20


@pytest.fixture(scope="module")
def gateway() -> Iterator[LiveGateway]:
    """One without a node beside it."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-"))
    made = LiveGateway(folder / "data", options=("--no-node",))
    try:
        yield made.start().sign_up()
    finally:
        made.close()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def token(gateway: LiveGateway) -> str:
    """A token that may carry files and do nothing else."""
    made = gateway.call("POST", "/v1/tokens", json={"name": "far", "scopes": [CARRY]})
    return str(made.json()["token"])


@pytest.fixture
def far(gateway: LiveGateway, token: str, tmp_path: Path) -> Iterator[Path]:
    """The data directory of a node that works from afar."""
    gateway.environment["GATEWAY_JOIN_TOKEN"] = token
    options = ("--database-url", database_url(gateway), "--data-dir", str(tmp_path / "far"), "--join", gateway.url)
    with another_node(gateway, *options, "--name", "far"):
        wait_until(lambda: online(gateway, "far"), 60)
        yield tmp_path / "far"


def test_inputs_and_results_are_carried_and_checked(gateway: LiveGateway, far: Path) -> None:
    content = os.urandom(LARGE)
    given = gateway.call("POST", "/v1/artifacts?filename=given.bin", content=content).json()
    script = gateway.call("POST", "/v1/artifacts?filename=do.sh", content=b"wc -c < inputs/given.bin\n").json()
    task = gateway.submit(commands=["cp inputs/given.bin artifacts/back.bin; printf x >> artifacts/back.bin"],
                          attachments=[given["id"]])  # fmt: skip
    assert gateway.wait(task["id"])["status"] == "completed"
    [back] = gateway.result(task["id"])["artifacts"]
    assert gateway.call("GET", f"/v1/artifacts/{back['id']}/content").content == content + b"x"
    assert (far / "artifacts").resolve() != (gateway.data_dir / "artifacts").resolve()
    scripted = gateway.submit(script={"artifact_id": script["id"]}, attachments=[given["id"]])
    assert gateway.wait(scripted["id"])["status"] == "completed"
    assert gateway.result(scripted["id"])["jobs"][0]["stdout"].strip() == str(LARGE)


def test_a_node_joins_only_where_it_can_carry(gateway: LiveGateway, tmp_path: Path) -> None:
    useless = gateway.call("POST", "/v1/tokens", json={"name": "useless", "scopes": ["tasks.read"]}).json()["token"]
    for url, given, wanted in (
        (gateway.url, useless, "join token"),
        (gateway.url, "uag_nothing", "join token"),
        ("http://127.0.0.1:9", useless, "No gateway answers"),
    ):
        with closing(RemoteStore(tmp_path / "store", url, given)) as store, pytest.raises(MissingPart, match=wanted):
            store.check()


def test_files_are_for_nodes_alone(gateway: LiveGateway, token: str) -> None:
    content = b"of the owner"
    sha256 = hashlib.sha256(content).hexdigest()
    gateway.call("POST", "/v1/artifacts?filename=x", content=content)
    node = {"Authorization": f"Bearer {token}"}
    assert gateway.call("GET", f"/v1/files/{sha256}", headers=node).content == content
    assert gateway.call("GET", f"/v1/files/{sha256}", headers={**node, "Range": "bytes=3-5"}).content == content[3:6]
    member = new_person(gateway, "member-far")
    assert_problem(member.call("GET", f"/v1/files/{sha256}"), 403)
    assert_problem(member.call("PUT", f"/v1/files/{sha256}", content=content), 403)
    assert_problem(gateway.call("GET", f"/v1/files/{'0' * 64}", headers=node), 404)
    assert_problem(gateway.call("PUT", f"/v1/files/{sha256}", content=b"other", headers=node), 422, field="file")


def test_what_arrives_damaged_is_not_kept(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"not that")

    with closing(_store(tmp_path, answer)) as store, pytest.raises(OSError, match="damaged"):
        store.local("0" * 64)
    assert not store.path("0" * 64).exists()
    assert list(store.incoming.iterdir()) == []


def test_a_gateway_that_is_away_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_store, "PATIENCE_S", 5.0)
    said: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        said.append(request.method)
        if len(said) < 3:
            raise httpx.ConnectError("away")
        return httpx.Response(404 if request.method == "HEAD" else 204 if request.read() == b"kept" else 422)

    with closing(_store(tmp_path, answer)) as store:
        file = store.take_in(io.BytesIO(b"kept"), 100)
        store.keep(file)
    assert said == ["HEAD", "HEAD", "HEAD", "PUT"]
    assert store.path(file.sha256).read_bytes() == b"kept"


def _store(folder: Path, answer: Callable[[httpx.Request], httpx.Response]) -> RemoteStore:
    store = RemoteStore(folder, "http://gateway", "token")
    store.http = httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(answer))
    return store
