"""Spend limits: reserved before a call, settled after it, and never overspent."""

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway.core.clock import new_id, now
from gateway.core.database import Database
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.core.identity import SYSTEM, Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.features.credentials import service as credentials
from gateway.features.credentials.schemas import CredentialIn
from gateway.features.limits import service
from gateway.features.limits import service_spending as spending
from gateway.features.limits.models import SpendLimit, UsageWindow
from gateway.features.limits.schemas import SpendLimitIn, SpendLimitPatch, SpendLimitQuery, UsageOut
from gateway.features.limits.service_spending import ANSWER_TOKENS, Call, Reservation, SpendLimitReached
from gateway.features.providers import service as providers
from gateway.features.providers.schemas import ProviderIn
from gateway.features.settings import service as settings
from tests.conftest import wait_until
from tests.services.conftest import Open, Tasks
from tests.services.test_connector_locks import WAITING

Limit = Callable[..., SpendLimit]


@pytest.fixture
def limit(unit: Open) -> Iterator[Limit]:
    """Sets limits that end with the test."""
    made: list[uuid.UUID] = []

    def set_limit(subject_type: str, subject_id: Any = None, *, window: str = "month", **most: int) -> SpendLimit:
        subject = str(subject_id) if subject_id is not None else None
        wish = SpendLimitIn(subject_type=subject_type, subject_id=subject, window=window, **most)  # type: ignore[arg-type]
        with unit(SYSTEM) as work:
            found = service.create(work, wish)
        made.append(found.id)
        return found

    yield set_limit
    with unit(SYSTEM) as work:
        for limit_id in made:
            service.remove(work, limit_id)


def reserve(unit: Open, actor: Actor, **call: Any) -> Reservation | None:
    with unit(SYSTEM) as work:
        return spending.reserve(work, Call(**{"model": "far/big", "prompt": "x", "user_id": actor.user_id, **call}))


def usage(unit: Open, limit: SpendLimit) -> UsageOut:
    with unit(SYSTEM) as work:
        return service.usage(work, [limit])[0]


def test_without_a_limit_nothing_is_written(unit: Open, alice: Actor, rows: Any) -> None:
    assert reserve(unit, alice) is None
    assert rows("SELECT count(*) FROM usage_windows") == [(0,)]


def test_a_call_holds_an_estimate_and_then_counts_what_it_used(unit: Open, alice: Actor, limit: Limit) -> None:
    bound = limit("user", alice.user_id, max_tokens=10_000)
    held = reserve(unit, alice, prompt="x" * 300)
    assert held is not None
    during = usage(unit, bound)
    assert (during.reserved.requests, during.reserved.tokens) == (1, 100 + ANSWER_TOKENS)
    assert during.used.tokens == 0
    with unit(SYSTEM) as work:
        spending.settle(work, held, 90, 4000)
    after = usage(unit, bound)
    assert (after.used.requests, after.used.tokens, after.reserved.requests, after.reserved.tokens) == (1, 4090, 0, 0)


@pytest.mark.parametrize("told", [(-5_000, -5_000), (10**30, 10**30)])
def test_what_a_server_counts_neither_lifts_a_limit_nor_gets_past_it(
    unit: Open, alice: Actor, limit: Limit, told: tuple[int, int]
) -> None:
    bound = limit("user", alice.user_id, max_tokens=10_000)
    held = reserve(unit, alice)
    assert held is not None
    with unit(SYSTEM) as work:
        spending.settle(work, held, *told)
    after = usage(unit, bound)
    assert (after.used.requests, after.reserved.tokens) == (1, 0)
    assert after.used.tokens == (0 if told[0] < 0 else 2 * spending.MOST_TOLD)


def test_what_a_call_ends_in_decides_what_counts(unit: Open, alice: Actor, limit: Limit) -> None:
    bound = limit("system", max_requests=100)
    for end, requests, tokens in ((spending.release, 0, 0), (spending.keep, 1, ANSWER_TOKENS + 1)):
        held = reserve(unit, alice)
        assert held is not None
        with unit(SYSTEM) as work:
            end(work, held)
        found = usage(unit, bound)
        assert (found.used.requests, found.used.tokens, found.reserved.requests) == (requests, tokens, 0)


@pytest.mark.parametrize("most", [{"max_requests": 10}, {"max_tokens": 10 * (ANSWER_TOKENS + 1)}])
def test_fifty_at_once_never_overspend(unit: Open, alice: Actor, limit: Limit, most: dict[str, int]) -> None:
    bound = limit("user", alice.user_id, **most)
    outcomes: list[str] = []

    def call() -> None:
        try:
            outcomes.append("held" if reserve(unit, alice) else "free")
        except SpendLimitReached:
            outcomes.append("refused")

    threads = [threading.Thread(target=call) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["held"] * 10 + ["refused"] * 40
    assert usage(unit, bound).reserved.requests == 10


def test_every_limit_that_binds_a_call_counts_or_none(unit: Open, alice: Actor, bob: Actor, limit: Limit) -> None:
    wide, narrow = limit("user", alice.user_id, max_requests=10), limit("provider", "far", max_requests=1)
    assert reserve(unit, alice) is not None
    with pytest.raises(SpendLimitReached, match="the provider far") as refused:
        reserve(unit, alice)
    assert refused.value.code == "spend_limit_reached"
    assert int(refused.value.headers["Retry-After"]) >= 1
    assert usage(unit, wide).reserved.requests == 1, "a refused call holds nothing anywhere"
    with pytest.raises(SpendLimitReached):
        reserve(unit, bob)
    assert reserve(unit, bob, model="local/small") is None
    assert usage(unit, narrow).reserved.requests == 1


def test_a_token_is_bound_apart_from_its_user(unit: Open, alice: Actor, limit: Limit, rows: Any) -> None:
    token_id = new_id()
    with unit(SYSTEM) as work:
        work.session.connection().exec_driver_sql(
            "INSERT INTO api_tokens (id, user_id, name, prefix, hash, scopes, version, created_at, updated_at)"
            " VALUES (%s, %s, 'x', 'uag_x', %s, NULL, 1, now(), now())",
            (token_id, alice.user_id, token_id.bytes),
        )
    limit("token", token_id, max_requests=1)
    assert reserve(unit, alice, token_id=token_id) is not None
    with pytest.raises(SpendLimitReached, match="the token"):
        reserve(unit, alice, token_id=token_id)
    assert reserve(unit, alice) is None


def test_money_counts_by_the_price_of_the_model(unit: Open, alice: Actor, limit: Limit) -> None:
    prices = {"far/big": {"input": 2.5, "output": 10}, "near/*": {"input": 1, "output": 1}}
    with unit(SYSTEM) as work:
        settings.put(work, "providers.prices", settings.for_change(work, "providers.prices"), prices, None)
    try:
        bound = limit("user", alice.user_id, max_cost_micros=1_000_000)
        for model, listed, cost in (
            ("far/big", (9, 9), 12_500), ("near/any", None, 2_000), ("other/free", None, 0), ("other/a", (3, 4), 7_000),
        ):  # fmt: skip
            before = usage(unit, bound).used.cost_micros
            held = reserve(unit, alice, model=model, listed=listed)
            assert held is not None
            with unit(SYSTEM) as work:
                spending.settle(work, held, 1000, 1000)
            assert usage(unit, bound).used.cost_micros - before == cost, model
    finally:
        with unit(SYSTEM) as work:
            settings.reset(work, "providers.prices", settings.for_change(work, "providers.prices"))


def test_the_stop_refuses_what_costs_money_and_nothing_else(unit: Open, alice: Actor, keys: KeyStore) -> None:
    wanted = {"limits.spending_stopped": True, "providers.prices": {"far/*": {"input": 0, "output": 10}}}
    with unit(SYSTEM) as work:
        for key, value in wanted.items():
            settings.put(work, key, settings.for_change(work, key), value, None)
        credential = credentials.create(work, keys, CredentialIn(name="paid", secret="sk-nobody"))
        credential_id = credential.id
        wish = ProviderIn(name="paid", kind="openai_compatible", base_url="http://x/v1", credential_id=credential_id)
        provider_id = providers.create(work, wish).id
    try:
        with unit(SYSTEM) as work:
            assert spending.may_be_bound(work)
        for model in ("far/big", "paid/any"):
            with pytest.raises(SpendLimitReached) as refused:
                reserve(unit, alice, model=model)
            assert refused.value.code == "spending_stopped"
            assert model in str(refused.value)
        assert reserve(unit, alice, model="local/smollm2-135m") is None
    finally:
        with unit(SYSTEM) as work:
            providers.remove(work, provider_id)
            credentials.remove(work, credential_id)
            for key in wanted:
                settings.reset(work, key, settings.for_change(work, key))
    assert reserve(unit, alice, model="far/big") is None


def test_what_dead_runs_hold_is_given_back(unit: Open, alice: Actor, limit: Limit, mine: Tasks) -> None:
    bound = limit("user", alice.user_id, max_requests=10)
    task = mine.create()
    assert task.run_id is not None
    mine.node.begin(task.run_id)
    living = reserve(unit, alice, run_id=task.run_id)
    late = reserve(unit, alice, lasts_s=-1.0)
    reserve(unit, alice, run_id=new_id())
    assert living is not None
    assert late is not None
    with unit(SYSTEM) as work:
        assert spending.give_back_left_behind(work, 100) == 2
    assert usage(unit, bound).reserved.requests == 1
    with unit(SYSTEM) as work:
        spending.settle(work, late, 10, 10)
    found = usage(unit, bound)
    assert (found.used.tokens, found.reserved.requests) == (20, 1), "a late answer counts, and is given back once"
    mine.node.end(task.run_id)
    with unit(SYSTEM) as work:
        assert spending.give_back_left_behind(work, 100) == 1
    assert usage(unit, bound).reserved.requests == 0


def test_what_is_given_back_is_locked_in_the_order_of_calls(
    database: Database, unit: Open, alice: Actor, bob: Actor, limit: Limit
) -> None:
    """Else a call that two limits bind and who gives back could wait for each other."""
    first, last = limit("user", bob.user_id, max_requests=10), limit("user", alice.user_id, max_requests=10)
    for actor in (alice, bob):
        reserve(unit, actor, run_id=new_id())

    def give_back() -> None:
        with unit(SYSTEM) as work:
            spending.give_back_left_behind(work, 100)

    giving = threading.Thread(target=give_back)
    window = text("SELECT reserved_requests FROM usage_windows WHERE limit_id = :id FOR UPDATE NOWAIT")
    with database.engine.connect() as call, database.engine.connect() as looking:
        call.execute(window, {"id": first.id})
        giving.start()
        wait_until(lambda: looking.execute(text(WAITING)).scalar_one() > 0, 20)
        assert call.execute(window, {"id": last.id}).scalar_one() == 1
        call.rollback()
        giving.join()
    assert [usage(unit, each).reserved.requests for each in (first, last)] == [0, 0]


def test_windows_that_are_long_over_go(unit: Open, alice: Actor, limit: Limit, rows: Any) -> None:
    bound = limit("user", alice.user_id, max_requests=10)
    assert reserve(unit, alice) is not None
    with unit(SYSTEM) as work:
        for days in (61, 63, 64, 65):
            window = UsageWindow(limit_id=bound.id, starts_at=now() - timedelta(days=days))
            work.session.add(window)
    counts = []
    for _ in range(2):
        with unit(SYSTEM) as work:
            counts.append(spending.forget_windows(work, 2))
    assert counts == [2, 1]
    assert rows("SELECT count(*) FROM usage_windows WHERE limit_id = :id", id=bound.id) == [(2,)]


def test_a_task_remembers_the_token_that_asked(unit: Open, mine: Tasks, alice: Actor) -> None:
    token_id = new_id()
    by_token = Actor(alice.user_id, "alice", frozenset({"member"}), via="token", credential_id=token_id)
    task = Tasks(unit, by_token, mine.node).create()
    assert mine.get(task.id).created_by_token == token_id
    assert task.run_id is not None
    assert mine.node.begin(task.run_id).token_id == token_id
    mine.node.end(task.run_id)
    mine.call("retry", task.id)
    assert mine.get(task.id).created_by_token is None, "who asks again is who is charged"


def test_a_user_sees_their_own_limits_and_changes_none(unit: Open, alice: Actor, bob: Actor, limit: Limit) -> None:
    own, system = limit("user", alice.user_id, max_requests=5), limit("system", max_requests=50)
    with unit(alice) as work:
        assert [row.id for row in work.session.scalars(service.visible(work, SpendLimitQuery()))] == [own.id]
        with pytest.raises(NotFound):
            service.get(work, system.id)
    with unit(bob) as work, pytest.raises(NotFound):
        service.get(work, own.id)
    with unit(alice) as work, pytest.raises(Forbidden):
        service.for_change(work, own.id)
    with unit(alice) as work, pytest.raises(Forbidden):
        service.create(work, SpendLimitIn(subject_type="system", window="day", max_requests=1))


def test_a_limit_names_somebody_and_something(unit: Open, alice: Actor, limit: Limit) -> None:
    for subject_type, subject_id in (("user", new_id()), ("token", new_id()), ("user", "alice")):
        with pytest.raises(Invalid):
            limit(subject_type, subject_id, max_requests=1)
    for wrong in ({"subject_type": "user"}, {"subject_type": "system", "subject_id": "x"}):
        with pytest.raises(ValueError, match="subject_id"):
            SpendLimitIn(**{"window": "day", "max_requests": 1, **wrong})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one"):
        SpendLimitIn(subject_type="system", window="day")
    made = limit("system", window="day", max_requests=1)
    with pytest.raises(Conflict) as refused:
        limit("system", window="day", max_tokens=1)
    assert refused.value.code == "limit_exists"
    with unit(SYSTEM) as work, pytest.raises(Invalid, match="at least one"):
        service.change(work, service.for_change(work, made.id), SpendLimitPatch(max_requests=None))
