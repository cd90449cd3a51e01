"""A hook is posted to and changed at the same time."""

from concurrent.futures import ThreadPoolExecutor

from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.identity import Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.features.hooks import service
from gateway.features.hooks.requests import Received
from gateway.features.hooks.schemas import HookIn
from gateway.features.hooks.service_receive import Inbox
from gateway.features.identity.authentication import NOBODY
from tests.services.conftest import Open


def test_what_comes_is_kept_while_the_hook_is_changed(
    unit: Open, alice: Actor, keys: KeyStore, database: Database
) -> None:
    action = {"kind": "create_task", "task": {"commands": ["true"]}}
    with unit(alice) as work:
        wish = HookIn.model_validate({"name": "a", "verify": "token", "action": action})
        hook, secret = service.create(work, keys, wish)
    sent = Received({"authorization": f"Bearer {secret}"}, {}, b"{}", "192.0.2.1", now())
    with ThreadPoolExecutor(1) as pool, unit(alice) as work:
        service.for_change(work, hook.id)
        told = pool.submit(Inbox(database.sessions, keys).receive, NOBODY, hook.id, sent, "a-request")
        assert told.result(20).status == 202
