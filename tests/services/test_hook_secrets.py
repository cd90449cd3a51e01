"""What somebody is known by who posts to a hook: it is kept of no request, whatever comes of that."""

import json

import pytest
from sqlalchemy.orm import undefer

from gateway.core.clock import new_id, now
from gateway.core.database import Database
from gateway.core.errors import Forbidden, Unauthenticated
from gateway.core.identity import SYSTEM, Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.features.hooks import service
from gateway.features.hooks.models import HookRequest
from gateway.features.hooks.requests import Received
from gateway.features.hooks.schemas import HookIn, RotateIn
from gateway.features.hooks.service_receive import Inbox
from gateway.features.identity import service as identity
from gateway.features.identity.authentication import NOBODY
from tests.services.conftest import Open

WISH = {"name": "mine", "verify": "token", "action": {"kind": "create_task", "task": {"commands": ["true"]}}}


@pytest.mark.parametrize("options", [{"header": "X-Mine"}, {"field": "word"}])
def test_what_is_kept_of_a_request_that_was_turned_away_holds_no_secret(
    database: Database, unit: Open, keys: KeyStore, options: dict[str, str]
) -> None:
    """It may be the right one, of a hook that is not in use, or one that was rotated and that others still take."""
    with unit(SYSTEM) as work:
        erin = identity.create_user(work, f"erin-{new_id().hex}", role="member")
    owner = Actor(erin.id, erin.handle, frozenset({"member"}), via="test")
    with unit(owner) as work:
        hook, before = service.create(work, keys, HookIn(**WISH, verify_options=options))
        _, right = service.rotate(work, keys, hook.id, RotateIn(overlap_s=0))

    def post(secret: str) -> None:
        headers = {"content-type": "application/json", "x-mine": secret}
        body = json.dumps({"text": "x", "word": secret}).encode()
        Inbox(database.sessions, keys).receive(NOBODY, hook.id, Received(headers, {}, body, None, now()), None)

    with pytest.raises(Unauthenticated):
        post(before)
    with unit(SYSTEM) as work:
        identity.set_active(work, identity.account(work, erin.handle), False)
    with pytest.raises(Forbidden, match="not in use"):
        post(right)
    with unit(SYSTEM) as work:
        found = work.session.scalars(service.requests(work, hook.id, "rejected").options(undefer(HookRequest.body)))
        kept = [each.headers["x-mine"] if "header" in options else each.body.decode() for each in found]
    assert len(kept) == 2
    assert not any(secret in each for secret in (before, right) for each in kept)


def test_a_secret_sent_in_another_place_is_not_kept(database: Database, unit: Open, keys: KeyStore, bob: Actor) -> None:
    """A sender that was set up wrongly is turned away with the right secret; others read what was kept of that."""
    secret = "a/word of mine"
    with unit(bob) as work:
        hook, _ = service.create(work, keys, HookIn(**WISH, secret=secret))
    headers = {
        "x-auth": f"Key {secret}",
        "referer": "https://sender.example/?k=a%2Fword+of+mine",
        "user-agent": "test",
    }
    query = {"key": secret, "keys": ["one", secret], secret: "", "page": "2"}
    with pytest.raises(Unauthenticated):
        Inbox(database.sessions, keys).receive(NOBODY, hook.id, Received(headers, query, b"", None, now()), None)
    with unit(bob) as work:
        [kept] = work.session.scalars(service.requests(work, hook.id, "rejected"))
    assert kept.headers == {"x-auth": "Key •••", "referer": "https://sender.example/?k=•••", "user-agent": "test"}
    assert kept.query == {"key": "•••", "keys": ["one", "•••"], "•••": "", "page": "2"}


def test_half_a_pair_of_surrogates_in_what_is_hidden_is_no_failure(
    database: Database, unit: Open, keys: KeyStore, bob: Actor
) -> None:
    with unit(bob) as work:
        hook, _ = service.create(work, keys, HookIn(**WISH))
    received = Received({"content-type": "application/json"}, {}, b'{"token": "\\ud800 and more"}', None, now())
    with pytest.raises(Unauthenticated):
        Inbox(database.sessions, keys).receive(NOBODY, hook.id, received, None)
    with unit(bob) as work:
        [kept] = work.session.scalars(service.requests(work, hook.id, "rejected").options(undefer(HookRequest.body)))
    assert kept.body.decode() == '{"token": "•••"}'
