"""What has expired goes, batch by batch, and nothing else does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from gateway.core import idempotency
from gateway.core.clock import now
from gateway.core.idempotency import IdempotencyKey
from gateway.core.identity import SYSTEM, Actor
from gateway.core.secrets import crypto
from gateway.features.identity import service_sessions as identity
from gateway.features.identity.models import AuthSession, SessionToken
from tests.services.conftest import Open

Rows = Callable[..., list[Any]]


def test_idempotency_keys_go_after_their_day(unit: Open, alice: Actor, rows: Rows) -> None:
    with unit(SYSTEM) as work:
        for number in range(5):
            age = timedelta(hours=25 if number < 3 else 23)
            work.session.add(
                IdempotencyKey(actor_id=alice.user_id, key=str(number), fingerprint=b"", created_at=now() - age)
            )
    counts: list[int] = []
    while not counts or counts[-1]:
        with unit(SYSTEM) as work:
            counts.append(idempotency.purge(work.session, 2))
    assert counts == [2, 1, 0]
    assert rows("SELECT key FROM idempotency_keys ORDER BY key") == [("3",), ("4",)]


def test_expired_sign_ins_go_with_their_tokens_and_living_ones_stay(unit: Open, alice: Actor, rows: Rows) -> None:
    with unit(SYSTEM) as work:
        identity.purge_expired(work, 1000)  # what others have left
    living = rows("SELECT id FROM auth_sessions")
    with unit(SYSTEM) as work:
        for days in (-1, 1):
            until = now() + timedelta(days=days)
            session = AuthSession(user_id=alice.user_id, kind="login", expires_at=until)
            work.session.add(session)
            work.session.flush()
            secret = crypto.digest(f"secret {days}")
            work.session.add(SessionToken(hash=secret, session_id=session.id, kind="refresh", expires_at=until))
    with unit(SYSTEM) as work:
        assert identity.purge_expired(work, 100) == 2
        assert identity.purge_expired(work, 100) == 0
    assert len(rows("SELECT id FROM auth_sessions")) == len(living) + 1
    kept = {row[0] for row in rows("SELECT hash FROM session_tokens")}
    assert crypto.digest("secret 1") in kept
    assert crypto.digest("secret -1") not in kept
