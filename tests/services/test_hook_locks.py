"""A hook is posted to and changed, or deleted, at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.errors import NotFound
from gateway.core.identity import Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.features.hooks import service, service_receive
from gateway.features.hooks.models import Hook
from gateway.features.hooks.requests import Received
from gateway.features.hooks.schemas import HookIn, TrialIn
from gateway.features.hooks.service_receive import Inbox
from gateway.features.identity.authentication import NOBODY
from tests.services.conftest import Open
from tests.services.meanwhile import Meanwhile


@pytest.fixture
def made(unit: Open, alice: Actor, keys: KeyStore) -> tuple[Hook, str]:
    """A hook, and the secret by which it knows its sender."""
    action = {"kind": "create_task", "task": {"commands": ["true"]}}
    with unit(alice) as work:
        return service.create(work, keys, HookIn.model_validate({"name": "a", "verify": "token", "action": action}))


def received(secret: str) -> Received:
    return Received({"authorization": f"Bearer {secret}"}, {}, b"{}", "192.0.2.1", now())


def test_what_comes_is_kept_while_the_hook_is_changed(
    unit: Open, alice: Actor, keys: KeyStore, database: Database, made: tuple[Hook, str]
) -> None:
    hook, secret = made
    with ThreadPoolExecutor(1) as pool, unit(alice) as work:
        service.for_change(work, hook.id)
        told = pool.submit(Inbox(database.sessions, keys).receive, NOBODY, hook.id, received(secret), "a-request")
        assert told.result(20).status == 202


@pytest.mark.parametrize("asks", ["its sender", "a stranger", "its owner"])
def test_a_hook_that_is_deleted_meanwhile_is_not_there(
    unit: Open, alice: Actor, keys: KeyStore, database: Database, made: tuple[Hook, str], asks: str
) -> None:
    hook, secret = made
    inbox = Inbox(database.sessions, keys)

    def try_it() -> Any:
        with unit(alice) as work:
            return service_receive.test(work, keys, hook.id, TrialIn(run=True))

    acts: dict[str, Callable[[], Any]] = {
        "its sender": lambda: inbox.receive(NOBODY, hook.id, received(secret), "a-request"),
        "a stranger": lambda: inbox.receive(NOBODY, hook.id, received("wrong"), "a-request"),
        "its owner": try_it,
    }
    posting = Meanwhile(database, acts[asks])
    with unit(alice) as work:
        service.remove(work, hook.id)
        posting.waits()
    assert isinstance(posting.ends(), NotFound)
