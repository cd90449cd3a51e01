"""What every kind of connector promises, shown for each of them against a peer that really answers."""

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.adapters.connectors.base import Connector, File, Found, Operation
from gateway.adapters.connectors.failure import AUTHENTICATION_FAILED, ConnectorError
from gateway.adapters.connectors.json_schema import problems
from gateway.adapters.connectors.registry import KINDS, create
from gateway.core.outbound.exchange import OutboundError
from gateway.features.artifacts.store import Store
from gateway.features.connectors import carrying, jobs
from gateway.features.connectors.service_execution import Order
from tests.connectors.peers import CANARY, PEERS, Peer, peer

SIGNS_IN = sorted(set(KINDS) - {"feed", "mcp"})
"""Kinds whose peer refuses a wrong credential."""


@pytest.mark.parametrize("kind", sorted(name for name, kind in KINDS.items() if kind.Secret))
def test_each_kind_with_a_secret_names_the_settings_that_say_where_it_goes(kind: str) -> None:
    settings = KINDS[kind].Config.model_fields
    assert set(KINDS[kind].secret_goes_to) <= settings.keys()
    assert set(KINDS[kind].secret_goes_to) >= {"url", "base_url", "host", "security", "document_url"} & settings.keys()


def test_files_of_an_answer_that_a_killed_node_left_are_swept_like_uploads(tmp_path: Path) -> None:
    store, uploads = Store(tmp_path), []
    jobs._receive(store, [File("a.txt", "text/plain", b"left")], uploads)
    assert [upload.file.path.read_bytes() for upload in uploads] == [b"left"]
    store.sweep_incoming(0, time.time() + 1)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_a_service_answers_is_kept_as_a_database_takes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def invoke(operation: Operation, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"far": [float("inf"), 1.5], "odd": float("nan"), "text": "a\x00\ud800"}

    async def aclose() -> None:
        return None

    operations = {"ask": Operation("ask", "read", "Ask", "", {}, {})}
    made = SimpleNamespace(secret=None, operations=operations, invoke=invoke, files=[], aclose=aclose)
    monkeypatch.setattr(carrying, "create", lambda *_, **__: made)
    order = Order(uuid.uuid4(), uuid.uuid4(), "calendar", {}, "ask", None, {}, None)
    report = asyncio.run(carrying.carry_out(order, Store(tmp_path))).report
    assert report.result == {"far": [None, 1.5], "odd": None, "text": "a\ufffd?"}


@pytest.fixture(scope="module", params=sorted(KINDS))
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with peer(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


def made(there: Peer, **changed: Any) -> Connector[Any]:
    secret, check = changed.pop("secret", there.secret), changed.pop("check", None)
    return create(there.kind, {**there.config, **changed}, json.dumps(secret) if secret else None, check=check)


async def found_by_test(there: Peer) -> Found:
    connector = made(there)
    try:
        return await connector.test()
    finally:
        await connector.aclose()


async def operations_of(there: Peer) -> dict[str, Operation]:
    """What the connector can do, learned from the peer where it has to be."""
    learned = (await found_by_test(there)).operations
    return KINDS[there.kind].operations if learned is None else {each.name: each for each in learned}


async def invoked(there: Peer, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    operations = await operations_of(there)
    connector = made(there)
    try:
        return await connector.invoke(operations[operation], arguments)
    finally:
        await connector.aclose()


def holds(value: Any, expected: Any) -> bool:
    """Whether all that is expected stands in a value."""
    if isinstance(expected, dict):
        return all(name in value and holds(value[name], each) for name, each in expected.items())
    if isinstance(expected, list):
        return len(value) == len(expected) and all(map(holds, value, expected))
    return bool(value == expected)


def test_every_kind_has_a_peer() -> None:
    assert set(PEERS) == set(KINDS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_settings_secrets_and_operations_are_described(kind: str) -> None:
    type_ = KINDS[kind]
    for schema in (type_.Config.model_json_schema(), *([type_.Secret.model_json_schema()] if type_.Secret else [])):
        assert json.loads(json.dumps(schema))["additionalProperties"] is False
        assert all("title" in setting for setting in schema["properties"].values())
    assert type_.learns or type_.operations
    for operation in type_.operations.values():
        assert operation.mode in ("read", "send", "admin")
        assert operation.description.endswith(".")
        assert operation.input_schema["additionalProperties"] is False


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_unfit_settings_and_secrets_are_refused_without_being_repeated(kind: str) -> None:
    required = dict.fromkeys(KINDS[kind].Config.model_json_schema().get("required", []), "x@y")
    with pytest.raises(ConnectorError, match=r"config\.colour") as refused:
        create(kind, {**required, "colour": CANARY}, None)
    assert CANARY not in str(refused.value)


def test_a_test_says_what_it_found(there: Peer) -> None:
    found = asyncio.run(found_by_test(there))
    assert found.detail.endswith(".")
    assert (found.operations is not None) == KINDS[there.kind].learns


def test_an_operation_goes_well_and_answers_as_described(there: Peer) -> None:
    async def both() -> tuple[dict[str, Any], Operation]:
        operation = (await operations_of(there))[there.operation]
        assert not list(problems(operation.input_schema, there.arguments))
        return await invoked(there, there.operation, there.arguments), operation

    answer, operation = asyncio.run(both())
    assert holds(answer, there.answers), answer
    assert not list(problems(operation.output_schema, answer))


def test_a_wrong_credential_is_told_apart(there: Peer) -> None:
    if there.kind not in SIGNS_IN:
        assert there.kind in ("feed", "mcp")
        return
    wrong = {name: "wrong-password" if value == CANARY else value for name, value in (there.secret or {}).items()}

    async def try_it() -> ConnectorError:
        operations = await operations_of(there)
        connector = made(there, secret=wrong)
        with pytest.raises(ConnectorError) as refused:
            await connector.invoke(operations[there.operation], there.arguments)
        await connector.aclose()
        return refused.value

    error = asyncio.run(try_it())
    assert error.code == AUTHENTICATION_FAILED
    assert "wrong-password" not in str(error)


def test_a_private_host_is_reached_only_where_it_is_named(there: Peer) -> None:
    async def try_it() -> ConnectorError:
        operations = await operations_of(there)
        connector = made(there, allowed_hosts=[])
        with pytest.raises(ConnectorError) as refused:
            await connector.invoke(operations[there.operation], there.arguments)
        await connector.aclose()
        return refused.value

    error = asyncio.run(try_it())
    assert (error.code, error.permanent) == ("forbidden_address", True)
    assert "Private hosts (allowed_hosts)" in str(error)


def test_a_host_that_is_forbidden_is_not_reached_by_any_kind(there: Peer) -> None:
    asked: list[str] = []

    def check(host: str) -> None:
        asked.append(host)
        raise OutboundError("Not there.", code="forbidden_by_preference")

    async def try_it() -> ConnectorError:
        operations = await operations_of(there)
        taken = len(there.taken)
        connector = made(there, check=check)
        with pytest.raises(ConnectorError, match="Not there") as refused:
            await connector.invoke(operations[there.operation], there.arguments)
        await connector.aclose()
        assert len(there.taken) == taken
        return refused.value

    error = asyncio.run(try_it())
    assert (error.code, asked[0]) == ("forbidden_by_preference", "127.0.0.1")


def test_nothing_shows_the_secret(there: Peer) -> None:
    connector = made(there)
    assert CANARY not in repr(connector.secret) + repr(vars(connector)) + str(connector.config)
