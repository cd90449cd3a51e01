"""Events on their way out: once for each subscription, retried, set aside, sent again, in order; nothing is lost."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from pydantic import SecretStr
from sqlalchemy import event
from standardwebhooks.webhooks import Webhook as Reference

from gateway.core.clock import new_id, now
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.core.identity import SYSTEM, Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.credentials import service_keys
from gateway.features.events import queries_purge as purge_of_events
from gateway.features.identity import service as identity
from gateway.features.identity import service_tokens
from gateway.features.messaging import (
    queries,
    queries_purge,
    retries,
    service,
    service_deliveries,
    service_matching,
    service_purge,
    service_sending,
    service_subscriptions,
)
from gateway.features.messaging.models import Delivery
from gateway.features.messaging.schemas import (
    DeliveryQuery,
    DestinationQuery,
    EventFilter,
    SecretRotate,
    SubscriptionIn,
    SubscriptionPatch,
    SubscriptionQuery,
    SubscriptionTry,
)
from gateway.features.messaging.service_recording import Outcome, Recorded, record
from tests.messaging import stand_ins
from tests.messaging.stand_ins import Reply, Request
from tests.services.conftest import Open
from tests.services.outbox import Outbox

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def scripted(*statuses: int) -> Callable[[Request], Reply]:
    """Answers these one after another, then 204."""
    left = list(statuses)
    return lambda _: (left.pop(0) if left else 204, {}, b"")


def test_an_event_arrives_once_signed_and_recorded(outbox: Outbox) -> None:
    destination_id = outbox.add()
    subscription_id = outbox.subscribe(destination_id)
    outbox.emit(tags=("nightly",))
    outbox.emit("run.started")
    outbox.node.work()
    outbox.node.work()
    [request] = outbox.held.requests
    body = Reference(outbox.secret).verify(request.body, request.headers)
    assert (body["type"], body["data"]["name"], body["data"]["tags"]) == (
        "task.completed",
        "task.completed",
        ["nightly"],
    )
    [delivery] = outbox.deliveries()
    assert request.headers["webhook-id"] == str(delivery.id)
    assert (delivery.status, delivery.subscription_id, delivery.attempt_count) == ("delivered", subscription_id, 1)
    assert [(each.status, each.response_status) for each in delivery.attempts] == [("succeeded", 204)]
    assert service.describe(outbox.destination(destination_id)).health == "good"


def test_a_subscription_to_the_end_of_a_task_hears_of_it_once_and_is_over(outbox: Outbox) -> None:
    task = new_id()
    outbox.subscribe(outbox.add(), filter=EventFilter(task_id=task, names=["task.failed"], once=True))
    outbox.emit("task.failed", 2, task_id=task)
    outbox.node.work()
    assert [request.json["type"] for request in outbox.held.requests] == ["task.failed"]
    with outbox.open(outbox.actor) as work:
        assert list(work.session.scalars(service_subscriptions.visible(work, SubscriptionQuery()))) == []


def test_destinations_are_found_and_told_by_name(outbox: Outbox, bob: Actor) -> None:
    destination_id = outbox.add(name="Pocket telephone")
    outbox.add(name="Elsewhere")
    outbox.subscribe(destination_id)
    outbox.emit()
    outbox.node.work()
    assert [each.destination_name for each in outbox.deliveries()] == ["Pocket telephone"]
    with outbox.open(outbox.actor) as work:
        subscriptions = list(work.session.scalars(service_subscriptions.visible(work, SubscriptionQuery())))
        assert [each.destination_name for each in service_subscriptions.shown(work, subscriptions)] == [
            "Pocket telephone"
        ]
        found = work.session.scalars(service.visible(work, DestinationQuery(q="TELE")))
        assert [each.name for each in found] == ["Pocket telephone"]
    with outbox.open(bob) as work:
        assert queries.destination_names(work.session, bob, {destination_id}) == {}


def test_matching_is_once_for_each_subscription_though_nodes_race(outbox: Outbox, unit: Open) -> None:
    destination_id = outbox.add(is_active=False)
    for pattern in ("task.*", "**"):
        outbox.subscribe(destination_id, pattern)
    outbox.emit(count=40)

    def match() -> None:
        for _ in range(60):
            with unit(SYSTEM) as work:
                service_matching.match_some(work, 5)

    racers = [threading.Thread(target=match) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    tasks = outbox.deliveries(event="task.completed")
    assert len(tasks) == 80
    assert len({(each.subscription_id, each.event_seq) for each in tasks}) == 80


def test_nobody_gets_events_that_they_may_not_see(outbox: Outbox, bob: Actor) -> None:
    outbox.subscribe(outbox.add(), "**")
    outbox.emit(owner=bob)
    outbox.node.work()
    assert [each for each in outbox.deliveries() if each.event_name == "task.completed"] == []


def test_a_disabled_account_gets_nothing(outbox: Outbox, unit: Open, keys: KeyStore) -> None:
    with unit(SYSTEM) as work:
        user = identity.create_user(work, f"gone{new_id().hex[-6:]}", role="member")
        gone = Actor(user.id, user.handle, frozenset({"member"}), via="test")
    theirs = Outbox(unit, keys, gone, outbox.node, outbox.held)
    theirs.subscribe(theirs.add())
    with unit(SYSTEM) as work:
        identity.set_active(work, identity.account(work, gone.handle), False)
    theirs.emit()
    outbox.node.work()
    assert theirs.deliveries() == []


def test_what_a_token_subscribed_to_goes_out_while_the_token_is_in_use(outbox: Outbox, unit: Open) -> None:
    destination_id = outbox.add()
    with unit(outbox.actor) as work:
        token, _ = service_tokens.create_token(work, "t", ["events.read", "subscriptions.*", "destinations.*"], None)
    by_token = replace(outbox.actor, via="token", credential_id=token.id, scopes=tuple(token.scopes or ()))
    with unit(by_token) as work:
        wanted = SubscriptionIn(destination_id=destination_id, event_pattern="task.*")
        subscription_id = service_subscriptions.create(work, wanted).id
    outbox.emit()
    outbox.node.work()
    assert len(outbox.deliveries()) == 1
    with unit(outbox.actor) as work:
        service_tokens.revoke_token(work, token.id)
    outbox.emit()
    outbox.node.work()
    assert len(outbox.deliveries()) == 1, "nothing goes out any more for a token that was revoked"
    with unit(outbox.actor) as work:
        found = service_subscriptions.for_change(work, subscription_id)
        [shown] = service_subscriptions.shown(work, [found])
        assert shown.problem == service_subscriptions.SILENCED
        found = service_subscriptions.change(work, found, SubscriptionPatch(event_pattern="task.*"))
        assert [one.problem for one in service_subscriptions.shown(work, [found])] == [None]
    outbox.emit()
    outbox.node.work()
    assert len(outbox.deliveries()) == 2, "its owner has taken it over"


def test_events_are_led_elsewhere_only_by_who_may_read_them(outbox: Outbox, unit: Open, keys: KeyStore) -> None:
    chat = {"destination_type": "slack", "secret": "https://hooks.slack.com/services/T/B/one", "destination_config": {}}
    hook_id, chat_id = outbox.add(), outbox.add(**chat)
    narrow = replace(outbox.actor, via="token", credential_id=new_id(), scopes=("destinations.*",))

    def lead_elsewhere(host: str) -> None:
        config = {"url": f"https://{host}/"}
        replace(outbox, actor=narrow).patch(hook_id, name=host, destination_config=config)

    def rotate(destination_id: uuid.UUID, secret: str | None) -> str | None:
        with unit(narrow) as work:
            found = service.for_change(work, destination_id, "destinations.rotate")
            return service.rotate(work, keys, found, SecretRotate(secret=SecretStr(secret) if secret else None))

    another = "https://hooks.slack.com/services/T/B/two"
    lead_elsewhere("example.com")
    rotate(chat_id, another)
    for destination_id in (hook_id, chat_id):
        outbox.subscribe(destination_id)
    with pytest.raises(Forbidden, match=r"the token's scopes do not include events\.read"):
        lead_elsewhere("example.org")
    with pytest.raises(Forbidden, match=r"the token's scopes do not include events\.read"):
        rotate(chat_id, another)
    lead_elsewhere("example.com")
    assert outbox.destination(hook_id).destination_config["url"] == "https://example.com/"
    assert (rotate(hook_id, None) or "").startswith("whsec_"), "a signature leads nowhere"


@pytest.mark.parametrize(
    ("wanted", "arrives"),
    [
        ({"tags": ["a"]}, True), ({"tags": ["a", "z"]}, False), ({"min_severity": "error"}, True),
        ({"project_id": str(uuid.UUID(int=1))}, False), ({"task_id": str(uuid.UUID(int=2))}, True),
    ],
)  # fmt: skip
def test_a_filter_lets_through_what_it_asks_for(outbox: Outbox, wanted: dict[str, Any], arrives: bool) -> None:
    outbox.subscribe(outbox.add(), "task.failed", filter=wanted)
    outbox.emit("task.failed", tags=("a", "b"), task_id=uuid.UUID(int=2))
    outbox.node.work()
    assert len(outbox.deliveries()) == arrives


def test_an_event_of_little_weight_is_left_out_by_severity(outbox: Outbox) -> None:
    outbox.subscribe(outbox.add(), "task.*", filter={"min_severity": "warning"})
    outbox.emit("task.completed")
    outbox.emit("task.canceled")
    outbox.node.work()
    assert [each.event_name for each in outbox.deliveries()] == ["task.canceled"]


def test_retries_follow_the_schedule_over_three_days_under_one_id(outbox: Outbox) -> None:
    destination_id = outbox.add()
    outbox.subscribe(destination_id)
    outbox.held.answer = lambda _: (500, {}, b"")
    outbox.emit()
    begin = now()
    with time_machine.travel(begin, tick=False) as clock:
        for step, pause in enumerate(retries.SCHEDULE_S):
            outbox.node.work()
            [delivery] = outbox.deliveries(event="task.completed")
            assert delivery.attempt_count == step + 1
            if delivery.next_attempt_at is None:
                break
            following = retries.SCHEDULE_S[step + 1]
            waits = (delivery.next_attempt_at - now()).total_seconds()
            assert following * 0.9 <= waits <= following * 1.1, pause
            clock.move_to(delivery.next_attempt_at - timedelta(seconds=1))
            outbox.node.work()
            assert len(outbox.held.requests) == step + 1, "it was tried before its time"
            clock.move_to(delivery.next_attempt_at + timedelta(milliseconds=1))
        assert timedelta(days=2.5) < now() - begin < timedelta(days=3.6)
    assert (delivery.status, delivery.attempt_count) == ("failed", len(retries.SCHEDULE_S))
    assert {request.headers["webhook-id"] for request in outbox.held.requests} == {str(delivery.id)}
    assert delivery.attempts[0].error == {"code": "refused", "message": "It answered 500."}


def test_a_receiver_that_recovers_gets_what_it_missed(outbox: Outbox) -> None:
    destination_id = outbox.add()
    outbox.subscribe(destination_id)
    outbox.held.answer = scripted(500)
    outbox.emit()
    outbox.node.work()
    assert service.describe(outbox.destination(destination_id)).health == "failing"
    with time_machine.travel(now() + timedelta(seconds=6), tick=True):
        outbox.node.work()
    [delivery] = outbox.deliveries()
    assert [each.status for each in delivery.attempts] == ["succeeded", "failed"]
    assert service.describe(outbox.destination(destination_id)).health == "good"


def test_a_receiver_that_asks_for_a_pause_gets_it(outbox: Outbox) -> None:
    outbox.subscribe(outbox.add(is_ordered=True))
    outbox.held.answer = lambda _: (429, {"Retry-After": "60"}, b"")
    outbox.emit(count=3)
    outbox.node.work()
    assert len(outbox.held.requests) == 1
    outbox.held.answer = scripted()
    with time_machine.travel(now() + timedelta(seconds=30), tick=True):
        outbox.node.work()
    assert len(outbox.held.requests) == 1
    with time_machine.travel(now() + timedelta(seconds=61), tick=True):
        outbox.node.work()
    assert len(outbox.held.accepted()) == 3


def test_a_destination_that_is_gone_is_set_aside_and_told_of_elsewhere(outbox: Outbox) -> None:
    other = outbox.add(name="other")
    gone = outbox.add(name="gone")
    outbox.subscribe(gone)
    outbox.held.answer = lambda request: (410 if request.json["type"].startswith("task.") else 204, {}, b"")
    outbox.emit(count=1)
    outbox.node.work()
    outbox.node.work()
    row = outbox.destination(gone)
    assert (row.is_active, row.disabled_reason) == (False, "it answered 410, that it is no more")
    [told] = outbox.deliveries(destination_id=other)
    assert (told.event_name, told.event["data"]["destination_id"]) == ("destination.disabled", str(gone))
    assert told.status == "delivered"


def test_a_failing_destination_is_set_aside_and_comes_back(outbox: Outbox) -> None:
    destination_id = outbox.add()
    outbox.subscribe(destination_id)
    outbox.held.answer = lambda _: (500, {}, b"")
    begin = now()
    outbox.emit(count=3)
    outbox.node.work()
    with time_machine.travel(begin + timedelta(days=3, minutes=1), tick=True):
        outbox.node.work()
    assert not outbox.destination(destination_id).is_active
    outbox.emit(count=2)  # what happens while it is off is kept for it
    outbox.node.work()
    assert {each.status for each in outbox.deliveries(destination_id=destination_id)} == {"held"}
    with pytest.raises(Conflict, match="turned off"):
        outbox.redeliver_since(destination_id, begin)
    outbox.patch(destination_id, is_active=True)
    outbox.held.answer = scripted()
    outbox.node.work()
    assert outbox.held.accepted() == [], "nothing goes out before somebody asks for it"
    assert outbox.redeliver_since(destination_id, begin) == 5
    outbox.node.work()
    assert {each.status for each in outbox.deliveries(destination_id=destination_id)} == {"delivered"}
    assert len(outbox.held.accepted()) == 5


def test_one_or_all_since_a_time_are_sent_again_under_their_old_ids(outbox: Outbox) -> None:
    destination_id = outbox.add()
    outbox.subscribe(destination_id)
    outbox.emit(count=3)
    outbox.node.work()
    [first, *_] = outbox.deliveries()
    with outbox.open(outbox.actor) as work:
        service_deliveries.redeliver(work, first.id)
    outbox.node.work()
    ids = [request.headers["webhook-id"] for request in outbox.held.requests]
    assert (len(ids), ids.count(str(first.id))) == (4, 2)
    assert outbox.redeliver_since(destination_id, LONG_AGO, only="undelivered") == 0
    assert outbox.redeliver_since(destination_id, LONG_AGO) == 3
    outbox.node.work()
    assert len(outbox.held.requests) == 7
    assert len({request.headers["webhook-id"] for request in outbox.held.requests}) == 3


def test_an_ordered_destination_gets_nothing_before_what_waits_ahead(outbox: Outbox) -> None:
    destination_id = outbox.add(is_ordered=True)
    outbox.subscribe(destination_id)
    outbox.held.answer = scripted(204, 500)
    outbox.emit(count=20)
    outbox.node.work()
    assert len(outbox.held.requests) == 2
    with time_machine.travel(now() + timedelta(seconds=6), tick=True):
        outbox.node.work()
    seqs = [request.json["data"]["seq"] for request in outbox.held.accepted()]
    assert seqs == sorted(seqs)
    assert len(seqs) == 20


def test_what_came_of_several_attempts_is_recorded_once_whatever_it_was(outbox: Outbox) -> None:
    destination_id = outbox.add()
    outbox.subscribe(destination_id)
    outbox.emit(count=4)
    node = outbox.node
    while node._unit(service_matching.match_some):
        pass
    node._unit(lambda work: service_sending.take(work, outbox.keys, node.holder, 1))
    good, bad, stale, fine = node._unit(lambda work: service_sending.claim(work, node.holder, destination_id))
    error = {"code": "refused", "message": "It answered 500."}
    stale = replace(stale, attempts=1)
    told = [Outcome(good, now(), 5, 204), Outcome(bad, now(), 6, 500, error), Outcome(stale, now(), 7, 204)]
    assert node._unit(lambda work: record(work, destination_id, told)) == Recorded(True, 1, 1)
    assert service.describe(outbox.destination(destination_id)).health == "failing"
    again = [Outcome(good, now(), 5, 204), Outcome(fine, now(), 8, 200)]
    assert node._unit(lambda work: record(work, destination_id, again)) == Recorded(True, 1, 0)
    assert service.describe(outbox.destination(destination_id)).health == "good"
    assert [(each.status, each.attempt_count) for each in outbox.deliveries()] == [
        ("delivered", 1), ("pending", 1), ("pending", 0), ("delivered", 1),
    ]  # fmt: skip
    [attempt] = outbox.deliveries()[3].attempts
    assert (attempt.number, attempt.status, attempt.response_status, attempt.latency_ms) == (1, "succeeded", 200, 8)
    outbox.patch(destination_id, is_active=False)
    assert not node._unit(lambda work: record(work, destination_id, [Outcome(stale, now(), 7, 204)])).going_on
    assert node._unit(lambda work: record(work, uuid.uuid4(), again)) == Recorded(False, 0, 0)


def test_what_only_some_recipients_got_has_failed_at_a_destination_that_works(outbox: Outbox) -> None:
    with stand_ins.mail_server() as box:
        config = {"host": "127.0.0.1", "port": box.port, "security": "none", "sender": "gateway@home.example",
                  "recipients": ["ada@home.example", "eve@refused.example"],
                  "allowed_hosts": ["127.0.0.1"]}  # fmt: skip
        destination_id = outbox.add(destination_type="email", destination_config=config)
        outbox.subscribe(destination_id)
        outbox.emit()
        outbox.node.work()
        with time_machine.travel(now() + timedelta(days=4), tick=True):
            outbox.emit()
            outbox.node.work()
        assert len(box.mails) == 2
    found = service.describe(outbox.destination(destination_id))
    assert (found.is_active, found.health, found.failing_since) == (True, "good", None)
    assert found.last_error is not None
    assert found.last_error["code"] == "refused_in_part"
    assert [(each.status, each.attempt_count) for each in outbox.deliveries()] == [("failed", 1), ("failed", 1)]


def test_a_rate_is_kept(outbox: Outbox) -> None:
    outbox.subscribe(outbox.add(per_minute=600))
    outbox.emit(count=6)
    outbox.node.work()
    times = [request.at for request in outbox.held.requests]
    assert len(times) == 6
    assert times[-1] - times[0] >= 0.45


def test_a_digest_is_one_message_for_many_events(outbox: Outbox) -> None:
    destination_id = outbox.add()
    outbox.subscribe(destination_id, digest_s=3600)
    with time_machine.travel(datetime(2026, 11, 28, 10, 20, tzinfo=UTC), tick=True):
        outbox.emit(count=4)
        outbox.node.work()
        assert outbox.held.requests == []
    with time_machine.travel(datetime(2026, 11, 28, 11, 0, 1, tzinfo=UTC), tick=True):
        outbox.held.answer = scripted(500)
        outbox.node.work()
    with time_machine.travel(datetime(2026, 11, 28, 11, 0, 10, tzinfo=UTC), tick=True):
        outbox.node.work()
    first, second = (request.json for request in outbox.held.requests)
    assert first == second
    assert (first["type"], first["data"]["count"]) == ("digest", 4)
    assert [event["data"]["name"] for event in first["data"]["events"]] == ["n0", "n1", "n2", "n3"]
    [carrier, *others] = outbox.deliveries()
    assert (carrier.status, carrier.is_digest) == ("delivered", True)
    assert {(each.status, each.merged_into) for each in others} == {("merged", carrier.id)}


def test_a_digest_of_very_much_is_merged_where_it_lies(outbox: Outbox) -> None:
    destination_id = outbox.add()
    outbox.subscribe(destination_id, digest_s=3600)
    with time_machine.travel(datetime(2026, 11, 28, 10, 20, tzinfo=UTC), tick=True):
        outbox.emit(count=300)
        outbox.node.work()
    loaded: list[Delivery] = []

    def note(delivery: Delivery, _context: object) -> None:
        loaded.append(delivery)

    event.listen(Delivery, "load", note)
    try:
        with time_machine.travel(datetime(2026, 11, 28, 11, 0, 1, tzinfo=UTC), tick=True):
            outbox.node.work()
    finally:
        event.remove(Delivery, "load", note)
    [request] = outbox.held.requests
    assert request.json["data"]["count"] == 300
    assert loaded == [], "none is read to be merged"
    assert sorted({each.status for each in outbox.deliveries()}) == ["delivered", "merged"]


def test_events_about_messages_never_go_round_in_circles(outbox: Outbox) -> None:
    """Each of two destinations that refuse everything hears of the other; then it is quiet."""
    for name in ("a", "b"):
        outbox.subscribe(outbox.add(name=name), "**")
    outbox.held.answer = lambda _: (410, {}, b"")
    outbox.emit()
    for _ in range(6):
        outbox.node.work()
    assert len(outbox.deliveries()) < 20
    outbox.held.requests.clear()
    outbox.node.work()
    assert outbox.held.requests == []


def test_a_destination_is_not_told_of_itself(outbox: Outbox) -> None:
    destination_id = outbox.add()
    outbox.subscribe(destination_id, "destination.*")
    outbox.patch(destination_id, name="renamed")
    outbox.node.work()
    assert outbox.deliveries() == []


def test_secrets_rotate_with_an_overlap_and_the_old_one_ends(outbox: Outbox, keys: KeyStore) -> None:
    destination_id = outbox.add()
    outbox.subscribe(destination_id)
    old = outbox.secret
    with outbox.open(outbox.actor) as work:
        found = service.for_change(work, destination_id, "destinations.rotate")
        new = service.rotate(work, keys, found, SecretRotate(overlap_s=60))
    assert new is not None
    outbox.emit()
    outbox.node.work()
    [request] = outbox.held.requests
    for secret in (old, new):
        Reference(secret).verify(request.body, request.headers)
    with time_machine.travel(now() + timedelta(seconds=61), tick=True):
        outbox.emit()
        outbox.node.work()
        last = outbox.held.requests[-1]
        Reference(new).verify(last.body, last.headers)
        assert len(last.headers["webhook-signature"].split()) == 1


def test_the_master_key_rotates_over_destinations_too(outbox: Outbox, keys: KeyStore, rows: Callable[..., Any]) -> None:
    destination_id = outbox.add()
    outbox.subscribe(destination_id)
    with outbox.open(SYSTEM) as work:
        current = service_keys.begin_rotation(work, keys)
    with outbox.open(SYSTEM) as work:
        while service_keys.rewrap_some(work, keys):
            pass
    [[kid, stored]] = rows(
        "SELECT secret_kid, secret_ciphertext FROM messaging_destinations WHERE id = :id", id=destination_id
    )
    assert kid == current
    assert outbox.secret.encode() not in bytes(stored)
    outbox.emit()
    outbox.node.work()
    [request] = outbox.held.accepted()
    Reference(outbox.secret).verify(request.body, request.headers)


def test_a_kept_secret_goes_nowhere_else(outbox: Outbox) -> None:
    config = {"server": outbox.held.url, "topic": "mine", "allowed_hosts": ["127.0.0.1"]}
    destination_id = outbox.add(destination_type="ntfy", destination_config=config, secret="tk_mine")
    with pytest.raises(Invalid, match="give the secret again"):
        outbox.patch(destination_id, destination_config={"server": "https://elsewhere.example"})
    outbox.patch(destination_id, destination_config={"topic": "other"})
    assert outbox.destination(destination_id).destination_config["topic"] == "other"


def test_a_template_says_what_is_sent_and_one_that_fails_is_told(outbox: Outbox) -> None:
    destination_id = outbox.add()
    outbox.subscribe(destination_id, template="{{ event.data.name }} is {{ event.name }}")
    outbox.subscribe(destination_id, "run.*", template="{{ event.data.name.missing.more }}")
    outbox.emit()
    outbox.emit("run.started")
    outbox.node.work()
    assert [request.body for request in outbox.held.requests] == [b"n0 is task.completed"]
    failed = outbox.deliveries(status="failed")[0]
    assert failed.attempts[0].error is not None
    assert failed.attempts[0].error["code"] == "template_misfit"


def test_a_try_shows_what_would_match_and_what_would_be_said(outbox: Outbox, bob: Actor) -> None:
    outbox.emit("task.failed", data={"name": "nightly", "error": {"code": "x", "message": "It broke."}})
    outbox.emit("task.failed", owner=bob)
    with outbox.open(outbox.actor) as work:
        tried = service_subscriptions.try_out(work, SubscriptionTry(event_pattern="task.failed", last=1))
        said = service_subscriptions.try_out(
            work, SubscriptionTry(event_pattern="task.*", template="{{ event.data.error.message }}", last=1)
        )
        digest = service_subscriptions.try_out(work, SubscriptionTry(event_pattern="**", digest_s=60, last=5))
    assert (tried.looked_at, tried.matched) == (1, 1)
    assert tried.message is not None
    assert tried.message.title == "Task failed: nightly"
    assert "error: It broke." in tried.message.text
    assert said.message is not None
    assert said.message.body == "It broke."
    assert digest.message is not None
    assert digest.message.body["data"]["count"] == digest.matched


def test_what_is_another_persons_is_not_there(outbox: Outbox, bob: Actor, unit: Open) -> None:
    destination_id = outbox.add()
    subscription_id = outbox.subscribe(destination_id)
    outbox.emit()
    outbox.node.work()
    [delivery] = outbox.deliveries()
    with unit(bob) as work:
        assert list(work.session.scalars(service_deliveries.visible(work, DeliveryQuery()))) == []
        looks: list[tuple[Callable[[Work, uuid.UUID], Any], uuid.UUID]] = [
            (service.get, destination_id), (service_subscriptions.get, subscription_id),
            (service_deliveries.get, delivery.id), (service_deliveries.redeliver, delivery.id),
        ]  # fmt: skip
        for look, key in looks:
            with pytest.raises(NotFound):
                look(work, key)
        with pytest.raises(NotFound):
            service_subscriptions.create(work, SubscriptionIn(destination_id=destination_id, event_pattern="**"))


def test_policies_take_what_is_over_and_events_only_once_they_were_read(
    outbox: Outbox, rows: Callable[..., list[Any]]
) -> None:
    outbox.subscribe(outbox.add())
    outbox.emit()
    outbox.node.work()
    outbox.held.answer = lambda _: (500, {}, b"")
    outbox.emit()
    outbox.node.work()
    outbox.emit("task.created")
    with outbox.open(SYSTEM) as work:
        may_go = {row.id for row in work.session.execute(queries_purge.deliveries())}
        assert may_go == {each.id for each in outbox.deliveries(status="delivered")}
        service_purge.drop(work, sorted(may_go))
        names = [row.id for row in work.session.execute(purge_of_events.events())]
    assert [each.status for each in outbox.deliveries()] == ["pending"]
    [[unread]] = rows("SELECT id FROM events ORDER BY seq DESC LIMIT 1")
    assert unread not in names
    assert rows("SELECT count(*) FROM messaging_attempts") == [(1,)]
