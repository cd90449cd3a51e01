"""Delays between wrong passwords: they grow, have an end, hold for attempts at once and across processes."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text

from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.errors import Conflict, TooMany
from gateway.core.identity import SYSTEM, Actor
from gateway.features.identity import passwords, service, service_delays
from gateway.features.identity.service_delays import ADDRESS, DEVICE, HANDLE, Patience
from tests.services.conftest import Open
from tests.services.meanwhile import Meanwhile


class Guesser:
    """Tries whenever it may, on a clock of its own."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database, self.time = database, now()
        monkeypatch.setattr(service_delays, "now", lambda: self.time)

    def attempt(self, counters: dict[bytes, Patience]) -> int:
        """Seconds to wait; 0 when the attempt was judged."""
        with self.database.sessions() as session:
            try:
                service_delays.begin(session, counters)
            except TooMany as refused:
                return int(refused.headers["Retry-After"])
        return 0

    def guess_for(self, seconds: float, counters: dict[bytes, Patience]) -> list[datetime]:
        """When attempts were judged within so much time."""
        judged, end = [], self.time + timedelta(seconds=seconds)
        while self.time < end:
            if wait_s := self.attempt(counters):
                self.time += timedelta(seconds=wait_s)
            else:
                judged.append(self.time)
        return judged


@pytest.fixture
def guesser(database: Database, monkeypatch: pytest.MonkeyPatch) -> Guesser:
    return Guesser(database, monkeypatch)


def key() -> bytes:
    return uuid.uuid4().bytes


def most_in_a_minute(judged: list[datetime]) -> int:
    return max(sum(1 for other in judged if 0 <= (other - each).total_seconds() < 60) for each in judged)


@pytest.mark.parametrize("patience", [ADDRESS, HANDLE, DEVICE])
def test_at_most_twenty_a_minute_are_judged(guesser: Guesser, patience: Patience) -> None:
    judged = guesser.guess_for(1800, {key(): patience})
    assert most_in_a_minute(judged) <= service_delays.PASSWORDS_A_MINUTE
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(judged)]
    assert gaps == sorted(gaps), "the waits grow"
    assert max(gaps) == patience.longest_s, "and have an end"


def test_one_address_alone_keeps_the_user_out_nowhere_else(guesser: Guesser) -> None:
    handle = key()
    guesser.guess_for(7200, {handle: HANDLE, key(): ADDRESS})
    assert guesser.attempt({handle: HANDLE, key(): ADDRESS}) <= HANDLE.longest_s


def test_a_quiet_hour_is_a_new_beginning(guesser: Guesser) -> None:
    counters = {key(): ADDRESS}
    while guesser.attempt(counters) == 0:
        pass
    guesser.time += service_delays.FORGOTTEN_AFTER + timedelta(seconds=ADDRESS.longest_s)
    assert [guesser.attempt(counters) for _ in range(6)][:5] == [0] * 5


def test_attempts_at_once_share_one_budget(database: Database) -> None:
    counters = {key(): ADDRESS, key(): HANDLE}

    def attempt(_: int) -> bool:
        with database.sessions() as session:
            try:
                service_delays.begin(session, counters)
            except TooMany:
                return False
            return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(attempt, range(40))) == ADDRESS.free


def test_a_right_password_frees_the_handle_but_not_the_address(guesser: Guesser) -> None:
    handle, address = key(), key()
    counters = {handle: HANDLE, address: ADDRESS}
    for _ in range(5):
        assert guesser.attempt(counters) == 0
    guesser.time += timedelta(seconds=2)
    assert guesser.attempt(counters) == 0
    with guesser.database.sessions() as session:
        service_delays.forgive(session, counters)
    assert guesser.attempt(counters) == 0
    assert guesser.attempt(counters) > 1, "the address was wrong five times, and is again"
    assert guesser.attempt({handle: HANDLE}) == 0


def test_what_a_right_password_frees_is_locked_in_the_order_of_attempts(database: Database) -> None:
    low, high = sorted((key(), key()))
    counters = {high: HANDLE, low: ADDRESS}
    lock = "SELECT failures FROM sign_in_delays WHERE key = :key FOR UPDATE"

    def forgive() -> None:
        with database.sessions() as session:
            service_delays.forgive(session, counters)

    with database.sessions() as session:
        service_delays.begin(session, counters)
    forgiving = Meanwhile(database, forgive)
    with database.engine.connect() as other:
        other.execute(text(lock), {"key": low})
        forgiving.waits()
        assert other.scalar(text(f"{lock} NOWAIT"), {"key": high}) == 1
    assert forgiving.ends() is None
    with database.engine.connect() as after:
        assert [after.scalar(text(lock), {"key": each}) for each in (low, high)] == [0, None]


def test_two_owners_cannot_disable_each_other_at_once(unit: Open, database: Database, rows: Any) -> None:
    """One of them stays, whatever the timing."""
    with unit(SYSTEM) as work:
        first = service.account(work, "owner")
        second = service.create_user(work, f"o-{uuid.uuid4().hex[:8]}", role="owner")
    ids = {first.id: second.id, second.id: first.id}

    def disable(actor_id: uuid.UUID) -> bool:
        actor = Actor(actor_id, "an owner", frozenset({"owner"}), via="test")
        try:
            with unit(actor) as work:
                service.set_active(work, service.to_change(work, ids[actor_id]), False)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = sorted(pool.map(disable, ids))
    assert done == [False, True]
    with unit(SYSTEM) as work:
        service.set_active(work, service.account(work, "owner"), True)
        service.set_active(work, service.to_change(work, second.id), False)


def test_an_unknown_handle_costs_what_a_wrong_password_does() -> None:
    assert not passwords._hasher.check_needs_rehash(passwords._DECOY)
    assert not passwords.matches(None, "anything at all")
