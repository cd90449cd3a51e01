"""Requests to hooks: who is let in, what runs once, whose rights count, what is kept, and that nothing else happens."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy.orm import undefer
from standardwebhooks.webhooks import Webhook

from gateway.core.clock import new_id, now
from gateway.core.database import Database
from gateway.core.errors import Conflict, Forbidden, GatewayError, Invalid, NotFound, TooMany, Unauthenticated
from gateway.core.identity import SYSTEM, Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.features.agents import queries as agent_queries
from gateway.features.credentials import service_keys
from gateway.features.hooks import flood, jobs, queries, service, service_receive, service_replies
from gateway.features.hooks.flood import Flood
from gateway.features.hooks.models import HookRequest
from gateway.features.hooks.requests import Received
from gateway.features.hooks.schemas import HookIn, HookPatch, HookQuery, RotateIn, TrialIn
from gateway.features.hooks.service_receive import Inbox, Told
from gateway.features.identity import service as identity
from gateway.features.identity import service_tokens
from gateway.features.identity.authentication import NOBODY
from gateway.features.schedules import service as schedules
from gateway.features.schedules.schemas import ScheduleIn
from gateway.features.tasks import service as tasks
from tests.services.conftest import Open

Rows = Callable[..., list[Any]]
TASK = {"kind": "create_task", "task": {"commands": ["echo {{ body.text }}"]}}


@dataclass
class Posted:
    """A hook of somebody's, and what the world sends to it."""

    unit: Open
    inbox: Inbox
    keys: KeyStore
    owner: Actor
    id: uuid.UUID
    secret: str

    def post(self, body: Any, headers: dict[str, str] | None = None, at: datetime | None = None) -> Told:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json"} | {name.lower(): v for name, v in (headers or {}).items()}
        return self.inbox.receive(NOBODY, self.id, Received(sent, {}, data, "192.0.2.1", at or now()), "a-request")

    def post_with_token(self, body: Any, **headers: str) -> Told:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.post(body, {"Authorization": f"Bearer {self.secret}", **named})

    def requests(self, outcome: str | None = None) -> list[Any]:
        with self.unit(self.owner) as work:
            found = service.requests(work, self.id, outcome).order_by(HookRequest.id.desc())
            return list(work.session.scalars(found.options(undefer(HookRequest.body))))


@pytest.fixture
def inbox(database: Database, keys: KeyStore) -> Inbox:
    return Inbox(database.sessions, keys)


@pytest.fixture
def make(unit: Open, alice: Actor, keys: KeyStore, inbox: Inbox) -> Callable[..., Posted]:
    """Makes a hook; Alice's, verified by a token, that runs a command, unless told otherwise."""

    def make(owner: Actor | None = None, **fields: Any) -> Posted:
        by = owner or alice
        wish = {"name": "a hook", "verify": "token", "action": TASK} if "preset" not in fields else {"name": "a hook"}
        with unit(by) as work:
            hook, secret = service.create(work, keys, HookIn(**{**wish, **fields}))
        return Posted(unit, inbox, keys, by, hook.id, secret)

    return make


def task_of(hook: Posted, told: Told) -> Any:
    with hook.unit(hook.owner) as work:
        return tasks.describe(work, tasks.get(work, uuid.UUID(told.body["task_id"]), whole=True))


Sign = Callable[[str, bytes, str], dict[str, str]]


def by_standard(secret: str, body: bytes, delivery: str) -> dict[str, str]:
    """As the reference library signs."""
    moment = datetime.now(UTC)
    return {"webhook-id": delivery, "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Webhook(secret).sign(delivery, moment, body.decode())}  # fmt: skip


def by_github(secret: str, body: bytes, delivery: str) -> dict[str, str]:
    """As in GitHub's own example of validating deliveries."""
    signature = hmac.new(secret.encode("utf-8"), msg=body, digestmod=hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={signature}", "X-GitHub-Delivery": delivery, "X-GitHub-Event": "push"}


def by_slack(secret: str, body: bytes, delivery: str, stamp: int | None = None) -> dict[str, str]:
    """As in Slack's own recipe of verifying requests."""
    stamp = int(time.time()) if stamp is None else stamp
    basestring = f"v0:{stamp}:{body.decode()}".encode()
    signature = "v0=" + hmac.new(secret.encode(), basestring, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(stamp), "X-Slack-Signature": signature}


def by_hmac(secret: str, body: bytes, delivery: str) -> dict[str, str]:
    return {"X-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(), "X-Delivery-Id": delivery}


def by_token(secret: str, body: bytes, delivery: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}", "X-Delivery-Id": delivery}


KINDS: dict[str, Sign] = {
    "standard_webhooks": by_standard, "github": by_github, "slack": by_slack, "hmac": by_hmac, "token": by_token,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_signed_right_is_acted_on_and_what_is_not_is_turned_away(
    kind: str, make: Callable[..., Posted], rows: Rows
) -> None:
    hook = make(verify=kind)
    body = b'{"text": "it\'s here; $(id)"}'
    told = hook.post(body, KINDS[kind](hook.secret, body, "d-1"))
    assert (told.status, told.body["status"]) == (202, "accepted")
    task = task_of(hook, told)
    assert task.commands == ["echo 'it'\"'\"'s here; $(id)'"]
    assert task.owner_id == hook.owner.user_id
    assert rows("SELECT source FROM agent_sources WHERE task_id = :id", id=task.id) == [("hook:a hook",)]
    assert rows("SELECT cause_kind, cause_id FROM causes WHERE effect_id = :id", id=task.id) == [("hooks", hook.id)]

    wrong = {"standard_webhooks": f"whsec_{base64.b64encode(b'x' * 32).decode()}"}.get(kind, "another secret")
    forged = [
        (body, KINDS[kind](wrong, body, "d-2")),
        (body, {}),
        *([] if kind == "token" else [(body + b" ", KINDS[kind](hook.secret, body, "d-3"))]),
        (body, dict.fromkeys(KINDS[kind](hook.secret, body, "d-4"), "v1,nonsense")),
    ]
    for sent, headers in forged:
        with pytest.raises(Unauthenticated) as refused:
            hook.post(sent, headers)
        assert refused.value.detail == "The request is not signed by who may send it.", "no details for the sender"
    assert [request.outcome for request in hook.requests()] == ["rejected"] * len(forged) + ["accepted"]
    records = rows("SELECT decision, actor FROM audit_records WHERE action = 'hooks.receive' AND resource_id = :id",
                   id=str(hook.id))  # fmt: skip
    assert sorted(records) == sorted([("allow", "alice")] + [("deny", "anonymous")] * len(forged))
    names = [name for (name,) in rows("SELECT name FROM events WHERE data->>'hook_id' = :id ORDER BY seq",
                                      id=str(hook.id))]  # fmt: skip
    assert names == ["hook.created", "hook.received"] + ["hook.rejected"] * len(forged)


def test_discord_signs_with_a_key_of_its_own(make: Callable[..., Posted]) -> None:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    hook = make(preset="discord", verify_options={"public_key": public})

    def post(body: Any, by: Ed25519PrivateKey = key) -> Told:
        data, stamp = json.dumps(body).encode(), str(int(time.time()))
        headers = {"X-Signature-Ed25519": by.sign(stamp.encode() + data).hex(), "X-Signature-Timestamp": stamp}
        return hook.post(data, headers)

    assert post({"type": 1}).body == {"type": 1}
    with pytest.raises(Unauthenticated):
        post({"type": 1}, Ed25519PrivateKey.generate())
    asked = {"type": 2, "application_id": "42", "token": "a-secret-interaction-token", "channel_id": "c",
             "data": {"name": "ask", "options": [{"name": "q", "value": "What is new?"}]}}  # fmt: skip
    assert post(asked).body == {"type": 5}, "an answer is to come"
    [kept, ping] = hook.requests()[0], hook.requests()[-1]
    assert b"a-secret-interaction-token" not in kept.body
    assert ping.outcome == "answered"
    with pytest.raises(Invalid, match="public key"):
        make(preset="discord")
    limited = replace(hook.owner, via="token", scopes=("hooks.read", "hooks.update"))
    for key_given, refused in ((public, nullcontext()), ("0" * 64, pytest.raises(Forbidden, match=r"hooks\.rotate"))):
        patch = HookPatch(verify_options={"public_key": key_given, "tolerance_s": 60})
        with refused, hook.unit(limited) as work:
            service.change(work, service.for_change(work, hook.id), patch)


@pytest.mark.parametrize("off_s", [-301, 301, -86_400])
@pytest.mark.parametrize("kind", ["standard_webhooks", "slack"])
def test_a_stale_timestamp_is_turned_away(kind: str, off_s: int, make: Callable[..., Posted]) -> None:
    hook = make(verify=kind)
    headers = KINDS[kind](hook.secret, b"{}", "d")
    with pytest.raises(Unauthenticated):
        hook.post(b"{}", headers, at=now() - timedelta(seconds=off_s))
    assert "the timestamp lies" in hook.requests()[0].reason


def test_inbound_delivery_runs_once_of_a_hundred_at_once(make: Callable[..., Posted], rows: Rows) -> None:
    hook = make(verify="standard_webhooks", rate_per_minute=6000)
    body = b'{"text": "once"}'
    headers = by_standard(hook.secret, body, "the-same")
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda _: hook.post(body, headers), range(100)))
    assert len({json.dumps(each.body, sort_keys=True) for each in told}) == 1, "the first answer is repeated"
    assert sum(not each.is_repeated for each in told) == 1
    made = rows("SELECT count(*) FROM causes WHERE cause_id = :id", id=hook.id)
    assert made == [(1,)]
    [request] = hook.requests()
    assert (request.outcome, request.repeats, request.delivery_id) == ("accepted", 99, "the-same")


@pytest.mark.parametrize("kind", ["github", "hmac"])
def test_what_was_signed_once_cannot_come_again_under_another_id(kind: str, make: Callable[..., Posted]) -> None:
    hook = make(verify=kind)
    first = hook.post(b'{"text": "x"}', KINDS[kind](hook.secret, b'{"text": "x"}', "d-1"))
    again = hook.post(b'{"text": "x"}', KINDS[kind](hook.secret, b'{"text": "x"}', "d-2"))
    assert (again.is_repeated, again.body) == (True, first.body)
    other = hook.post(b'{"text": "y"}', KINDS[kind](hook.secret, b'{"text": "y"}', "d-3"))
    assert other.body != first.body


def test_a_delivery_that_failed_may_come_again(make: Callable[..., Posted], unit: Open) -> None:
    hook = make(action={"kind": "create_task", "task": {"commands": ["echo {{ body.missing }}"]}})
    with pytest.raises(Invalid, match=r"action\.task\.commands\.0: the request has no missing"):
        hook.post_with_token({"text": "x"}, X_Delivery_Id="d")
    assert [(each.outcome, each.status) for each in hook.requests()] == [("failed", 422)]
    with unit(hook.owner) as work:
        service.change(work, service.for_change(work, hook.id), HookPatch(action=TASK))
    assert not hook.post_with_token({"text": "x"}, X_Delivery_Id="d").is_repeated
    assert hook.post_with_token({"text": "x"}, X_Delivery_Id="d").is_repeated


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a": ' * 5000 + b"1" + b"}" * 5000, "nested"),
        (b'{"a": ' * 70 + b"1" + b"}" * 70, "nested"),
        (b'{"text": "\xff\xfe"}', "not valid JSON in UTF-8"),
        (b'{"text": NaN}', "not valid JSON"),
        (b'{"text": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"text": "a\\u0000b"}', "U\\+0000"),
        (b'{"text": "\\ud800"}', "surrogate"),
        (b"{", "not valid JSON"),
    ],
    ids=range(8),
)
def test_a_hostile_body_is_refused_with_a_reason(body: bytes, message: str, make: Callable[..., Posted]) -> None:
    hook = make(action={"kind": "create_task", "task": {"env": {"A": "{{ body.text }}"}, "commands": ["true"]}})
    with pytest.raises(GatewayError, match=message) as refused:
        hook.post_with_token(body)
    assert refused.value.status in (400, 422)
    assert [each.outcome for each in hook.requests()] == ["failed"]


def test_text_that_is_no_utf_8_is_read_as_well_as_it_goes(make: Callable[..., Posted]) -> None:
    hook = make(action={"kind": "create_task", "task": {"env": {"A": "{{ body }}"}, "commands": ["true"]}})
    told = hook.post(b"caf\xe9\x00", {"Authorization": f"Bearer {hook.secret}", "content-type": "text/plain"})
    assert task_of(hook, told).env == {"A": "caf\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"}


def test_a_flood_is_held_back_and_wrong_ones_do_not_keep_the_right_one_out(
    make: Callable[..., Posted], rows: Rows, database: Database, keys: KeyStore
) -> None:
    hook = make(rate_per_minute=3)
    hook.inbox = Inbox(database.sessions, keys, Flood(rejected_a_minute=25))
    refused_with = set()
    for _ in range(40):
        with pytest.raises((Unauthenticated, TooMany)) as turned_away:
            hook.post(b"{}", {"Authorization": "Bearer wrong"})
        refused_with.add(turned_away.type)
    assert refused_with == {Unauthenticated, TooMany}
    kept = rows("SELECT count(*) FROM hook_requests WHERE hook_id = :id", id=hook.id)
    assert kept == [(service_receive.KEPT_REJECTED,)], "what strangers send is bounded"
    for _ in range(3):
        hook.post_with_token({"text": "x"})
    with pytest.raises(TooMany) as refused:
        hook.post_with_token({"text": "x"})
    assert int(refused.value.headers["Retry-After"]) >= 1
    assert refused.value.code == "hook_flooded"


def test_hooks_that_are_not_there_or_not_in_use(make: Callable[..., Posted], unit: Open, inbox: Inbox) -> None:
    hook = make(enabled=False)
    with pytest.raises(NotFound, match="no such hook"):
        hook.post_with_token({"text": "x"})
    received = Received({}, {}, b"", "192.0.2.9", now())
    refused_with = set()
    for _ in range(2 * flood.UNKNOWN_A_MINUTE):
        with pytest.raises((NotFound, TooMany)) as refused:
            inbox.receive(NOBODY, new_id(), received, None)
        refused_with.add(refused.type)
    assert refused_with == {NotFound, TooMany}
    with unit(SYSTEM) as work:
        dora = identity.create_user(work, f"dora-{new_id().hex[:8]}", role="member")
    hers = make(owner=Actor(dora.id, dora.handle, frozenset({"member"}), via="test"))
    hers.post_with_token({"text": "x"})
    with unit(SYSTEM) as work:
        identity.set_active(work, identity.account(work, dora.handle), False)
    with pytest.raises(Forbidden, match="not in use"):
        hers.post_with_token({"text": "x"})


def test_a_hook_has_no_more_rights_than_its_owner_has_now(
    make: Callable[..., Posted], unit: Open, charlie: Actor, bob: Actor, alice: Actor
) -> None:
    with pytest.raises(Forbidden):
        make(owner=charlie)
    theirs = make(owner=bob)
    with unit(alice) as work:
        assert theirs.id not in [row.id for row in work.session.scalars(service.visible(work, HookQuery()))]
    acts: list[Callable[[Any], Any]] = [
        lambda work: service.get(work, theirs.id),
        lambda work: service.for_change(work, theirs.id),
        lambda work: service.remove(work, theirs.id),
        lambda work: service.rotate(work, theirs.keys, theirs.id, RotateIn()),
        lambda work: service.requests(work, theirs.id, None),
        lambda work: service_receive.test(work, theirs.keys, theirs.id, TrialIn(body={"text": "x"}, run=True)),
        lambda work: service_receive.replay(work, theirs.keys, theirs.id, new_id()),
    ]
    for act in acts:
        with pytest.raises(NotFound), unit(alice) as work:
            act(work)
    in_project = make(owner=bob, action={"kind": "create_task", "task": {
        "commands": ["true"], "project_id": "{{ body.project }}"}})  # fmt: skip
    with unit(alice) as work:
        foreign = tasks.create(work, tasks.TaskIn(commands=["true"])).project_id
    with pytest.raises(Invalid, match="no such project, or it is not yours"):
        in_project.post_with_token({"project": str(foreign)})


def test_a_hook_that_a_token_made_does_no_more_than_the_token_may(
    make: Callable[..., Posted], unit: Open, alice: Actor, rows: Rows
) -> None:
    def by(*scopes: str) -> Actor:
        with unit(SYSTEM) as work:
            holder = identity.account(work, alice.handle)
            token = service_tokens.create_token(work, str(new_id()), list(scopes), None, holder)[0]
            return replace(alice, via="token", credential_id=token.id, scopes=scopes)

    with pytest.raises(Forbidden, match="scopes"):
        make(owner=by("hooks.*")).post_with_token({"text": "x"})

    maker = by("hooks.*", "tasks.*")
    hook = make(owner=maker)
    told = hook.post_with_token({"text": "x"})
    asked = rows("SELECT created_by_token FROM tasks WHERE id = :id", id=uuid.UUID(told.body["task_id"]))
    assert asked == [(maker.credential_id,)], "what an agent does in it has no more rights either"
    with unit(SYSTEM) as work:
        service_tokens.revoke_token(work, maker.credential_id)
    with pytest.raises(Forbidden, match="not in use"):
        hook.post_with_token({"text": "x"})
    with unit(alice) as work:
        service.change(
            work, service.for_change(work, hook.id), HookPatch(action={**TASK, "task": {"commands": ["id"]}})
        )
    assert hook.post_with_token({}).status == 202, "its owner said so, signed in"


def test_nobody_but_its_owner_says_what_a_hook_does(make: Callable[..., Posted], unit: Open) -> None:
    hook = make()
    with pytest.raises(Forbidden, match="its owner"), unit(SYSTEM) as work:
        service.change(
            work, service.for_change(work, hook.id), HookPatch(action={**TASK, "task": {"commands": ["id"]}})
        )
    with unit(SYSTEM) as work:
        service.change(work, service.for_change(work, hook.id), HookPatch(name="another", action=TASK))


def test_secrets_are_sealed_rotate_with_an_overlap_and_outlive_the_master_key(
    make: Callable[..., Posted], unit: Open, keys: KeyStore, rows: Rows
) -> None:
    hook = make()
    [(stored,)] = rows(
        "SELECT string_agg(row_to_json(s)::text, '') FROM hook_secrets s WHERE hook_id = :id", id=hook.id
    )
    assert hook.secret not in stored
    with unit(hook.owner) as work:
        _, fresh = service.rotate(work, keys, hook.id, RotateIn(overlap_s=3600))
    old, hook.secret = hook.secret, fresh
    for secret in (old, fresh):
        assert hook.post({"text": "x"}, {"Authorization": f"Bearer {secret}"}).status == 202
    with unit(hook.owner) as work:
        service.rotate(work, keys, hook.id, RotateIn(secret="a secret of mine", overlap_s=0))
    with pytest.raises(Unauthenticated):
        hook.post({"text": "x"}, {"Authorization": f"Bearer {fresh}"})
    with unit(SYSTEM) as work:
        service_keys.begin_rotation(work, keys)
    while True:
        with unit(SYSTEM) as work:
            if not service_keys.rewrap_some(work, keys) and service_keys.finish_rotation(work, keys):
                break
    kids = rows("SELECT DISTINCT secret_kid FROM hook_secrets WHERE hook_id = :id", id=hook.id)
    assert kids == rows("SELECT kid FROM master_keys WHERE state = 'current'")
    assert hook.post({"text": "x"}, {"Authorization": "Bearer a secret of mine"}).status == 202
    with pytest.raises(Invalid, match="whsec_"):
        make(verify="standard_webhooks", secret="not base64!!")


def test_what_is_kept_of_a_request_holds_no_secret_and_can_be_acted_on_again(
    make: Callable[..., Posted], unit: Open, rows: Rows
) -> None:
    hook = make(verify_options={"field": "token"})
    body = {"token": hook.secret, "text": "again", "response_url": "https://hooks.example/very-secret"}
    told = hook.post(body, {"Cookie": "a=b", "X-Api-Key": "k", "User-Agent": "test"})
    [kept] = hook.requests()
    with unit(hook.owner) as work:
        whole = service.request(work, hook.id, kept.id)
        text = whole.body.decode() + json.dumps(whole.headers)
        again = service_receive.replay(work, hook.keys, hook.id, kept.id)
    assert hook.secret not in text
    assert "very-secret" not in text
    assert json.loads(whole.body)["text"] == "again"
    assert whole.headers["user-agent"] == "test"
    assert whole.headers["cookie"] == whole.headers["x-api-key"] == "•••"
    assert (again.replay_of, again.outcome) == (kept.id, "accepted")
    assert again.task_id not in (None, kept.task_id)
    assert str(kept.task_id) == told.body["task_id"]
    with pytest.raises(Unauthenticated):
        hook.post({"token": "wrong one"})
    rejected = hook.requests("rejected")[0]
    with pytest.raises(Conflict, match="was rejected"), unit(hook.owner) as work:
        service_receive.replay(work, hook.keys, hook.id, rejected.id)


def test_a_condition_says_which_requests_are_acted_on(make: Callable[..., Posted]) -> None:
    hook = make(verify="github", condition="{{ headers['X-GitHub-Event'] == 'push' and body.ref == 'main' }}")
    told = []
    for ref in ("main", "other"):
        body = json.dumps({"ref": ref, "text": "x"}).encode()
        told.append(hook.post(body, by_github(hook.secret, body, f"d-{ref}")).body["status"])
    assert told == ["accepted", "ignored"]
    ping = hook.post(b'{"zen": "x"}', {**by_github(hook.secret, b'{"zen": "x"}', "p"), "X-GitHub-Event": "ping"})
    assert (ping.status, ping.body) == (200, {"status": "pong"})


def test_slack_challenge(make: Callable[..., Posted], rows: Rows) -> None:
    hook = make(preset="slack", secret="8f742231b10e8888abcd99yyyzzz85a5")
    body = b'{"type": "url_verification", "challenge": "3eZbrw1a", "token": "Jhj5dZrVaK7ZwHHjRyZWjbDl"}'
    assert hook.post(body, by_slack(hook.secret, body, "")).body == {"challenge": "3eZbrw1a"}
    assert rows("SELECT count(*) FROM causes WHERE cause_id = :id", id=hook.id) == [(0,)]


def test_a_slack_message_becomes_a_turn_and_its_answer_is_owed(
    make: Callable[..., Posted], unit: Open, rows: Rows, keys: KeyStore
) -> None:
    hook = make(preset="slack", secret="8f742231b10e8888abcd99yyyzzz85a5")

    def post(text: str, **more: str) -> Told:
        body = json.dumps({"event_id": f"Ev{new_id()}", "event": {"type": "message", "text": text, "channel": "C1",
                                                                   **more}}).encode()  # fmt: skip
        return hook.post(body, by_slack(hook.secret, body, ""))

    assert (post("first question").status, post("second question").status) == (200, 200)
    assert post("said by a bot", bot_id="B1").body["status"] == "ignored"
    said = rows("SELECT m.role, m.text, m.source, m.task_id, t.id FROM chat_messages m JOIN chat_threads t"
                " ON t.id = m.thread_id WHERE t.client_chat_id = :chat ORDER BY m.id",
                chat=f"hook {hook.id} slack C1")  # fmt: skip
    assert [row[:3] for row in said] == [
        ("user", "first question", "hook:a hook"), ("assistant", "", None),
        ("user", "second question", "hook:a hook"), ("assistant", "", None),
    ]  # fmt: skip
    assert len({thread for *_, thread in said}) == 1
    first_task = said[1][3]
    with unit(hook.owner) as work:
        tasks.cancel(work, first_task)
    with unit(SYSTEM) as work:
        taken = service_replies.take(work, keys, 10)
    assert taken == [], "there is no response_url: the chat alone keeps the answer"
    closed = rows("SELECT status FROM chat_messages WHERE task_id = :id", id=first_task)
    assert closed == [("failed",)]


def test_an_owed_answer_is_sealed_taken_once_and_given_up_in_the_end(
    make: Callable[..., Posted], unit: Open, rows: Rows, keys: KeyStore, database: Database
) -> None:
    action = {"kind": "create_task", "task": {"commands": ["true"]},
              "reply": {"format": "json", "url": "{{ body.response_url }}"}}  # fmt: skip
    hook = make(action=action)
    told = hook.post_with_token({"response_url": "https://example.com/answers/secret-path"})
    [(stored,)] = rows(
        "SELECT string_agg(row_to_json(r)::text, '') FROM hook_replies r WHERE hook_id = :id", id=hook.id
    )
    assert "secret-path" not in stored
    with unit(SYSTEM) as work:
        assert not [owed for owed in service_replies.take(work, keys, 10) if "secret-path" in owed.url]
    with unit(hook.owner) as work:
        tasks.cancel(work, uuid.UUID(told.body["task_id"]))
    for attempt in range(len(service_replies.PAUSES_S) + 1):
        with unit(SYSTEM) as work:
            [owed] = service_replies.take(work, keys, 10)
        assert (owed.url, owed.format) == ("https://example.com/answers/secret-path", "json")
        assert "canceled" in owed.text
        with unit(SYSTEM) as work:
            assert service_replies.take(work, keys, 10) == [], "another node does not send it too"
            service_replies.failed(work, owed.id, "it was answered with 500", is_final=False)
        with database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE hook_replies SET next_at = now()")
        assert attempt < 9
    assert rows("SELECT status, attempts FROM hook_replies WHERE hook_id = :id", id=hook.id) == [("failed", 5)]


def test_actions_besides_tasks(make: Callable[..., Posted], unit: Open, alice: Actor, rows: Rows) -> None:
    data = {"ref": "{{ body.ref }}", "count": "{{ body.count }}", "all": "{{ body }}"}
    teller = make(action={"kind": "emit_event", "name": "deploy.finished", "tags": ["ci"], "data": data})
    teller.post_with_token({"ref": "main", "count": 3})
    [(data, owner)] = rows("SELECT data, owner_id FROM events WHERE name = 'deploy.finished' ORDER BY seq DESC LIMIT 1")
    assert (data["ref"], data["count"], data["all"], data["hook_id"]) == (
        "main", 3, {"ref": "main", "count": 3}, str(teller.id))  # fmt: skip
    assert owner == alice.user_id
    with pytest.raises(Invalid, match="surrogate"):
        teller.post_with_token(b'{"ref": "\\ud800", "count": 1}')

    from gateway.features.chat import service as chat
    from gateway.features.chat.schemas import ThreadIn

    with unit(alice) as work:
        thread = chat.create(work, ThreadIn(title="From outside"))
    writer = make(action={"kind": "append_message", "thread_id": str(thread.id), "text": "CI says {{ body.state }}"})
    told = writer.post_with_token({"state": "green"})
    kept = rows("SELECT text, source FROM chat_messages WHERE id = :id", id=told.body["message_id"])
    assert kept == [("CI says green", "hook:a hook")]
    with unit(alice) as work:
        assert agent_queries.hooks_in_thread(work.session, thread.id) == ["hook:a hook"], (
            "it feeds who goes on with the chat"
        )


def test_a_hook_runs_a_schedule_of_its_owner(
    make: Callable[..., Posted], unit: Open, alice: Actor, bob: Actor, rows: Rows
) -> None:
    wish = ScheduleIn.model_validate(
        {"name": "by hook", "every_s": 86_400, "payload": {"kind": "commands", "commands": ["true"]}}
    )
    with unit(alice) as work:
        schedule_id = schedules.create(work, wish).id
    action = {"kind": "run_schedule", "schedule_id": str(schedule_id)}
    told = make(action=action).post_with_token({})
    [(cause, task_id)] = rows("SELECT cause, task_id FROM schedule_runs WHERE schedule_id = :id", id=schedule_id)
    assert (cause, str(task_id)) == ("hook:a hook", told.body["task_id"])
    assert rows("SELECT source FROM agent_sources WHERE task_id = :id", id=task_id) == [("hook:a hook",)]
    with pytest.raises(NotFound):
        make(owner=bob, action=action).post_with_token({})


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"action": {"kind": "create_task", "task": {"comands": ["true"]}}}, r"action\.task\.comands"),
        ({"action": {"kind": "create_task", "task": {}}}, "exactly one of prompt"),
        ({"action": {"kind": "create_task", "task": {"commands": ["true"], "priority": "high"}}}, "priority"),
        ({"action": {"kind": "create_task", "task": {"commands": ["echo `{{ body.x }}`"]}}}, r"commands\.0: a value"),
        ({"action": {"kind": "create_task", "task": {"commands": ["true"], "env": {"MY_TOKEN": "x"}}}}, "secret"),
        ({"sample": {"body": {}}}, r"action\.task\.commands\.0: the request has no text"),
        ({"verify_options": {"public_key": "0" * 64}}, r"verify_options\.public_key"),
    ],
)
def test_what_cannot_work_is_told_when_the_hook_is_made(
    fields: dict[str, Any], named: str, make: Callable[..., Posted]
) -> None:
    with pytest.raises(Invalid, match=named):
        make(**fields)


def test_a_template_may_stand_where_a_number_or_list_is_expected(make: Callable[..., Posted]) -> None:
    hook = make(action={"kind": "create_task", "task": {
        "commands": ["true"], "priority": "{{ body.prio - 1 }}", "tags": "{{ body.labels }}", "name": "{{ body.n }}",
        "timeout_s": "{{ body.t | default(60) }}"}})  # fmt: skip
    task = task_of(hook, hook.post_with_token({"prio": 5, "labels": ["a", "b"], "n": 17}))
    assert (task.priority, task.tags, task.name, task.timeout_s) == (4, ["a", "b"], "17", 60)


def test_a_try_makes_nothing_unless_told_to(make: Callable[..., Posted], unit: Open) -> None:
    hook = make(sample={"body": {"text": "from the sample"}})
    with unit(hook.owner) as work:
        shown = service_receive.test(work, hook.keys, hook.id, TrialIn())
    assert shown["action"]["task"]["commands"] == ["echo 'from the sample'"]
    assert hook.requests() == []
    with unit(hook.owner) as work:
        ran = service_receive.test(work, hook.keys, hook.id, TrialIn(body={"text": "x"}, run=True))
    [kept] = hook.requests()
    assert (kept.id, kept.task_id) == (ran["request_id"], ran["task_id"])


def test_what_is_old_is_dropped(make: Callable[..., Posted], unit: Open, database: Database, rows: Rows) -> None:
    hook = make()
    hook.post_with_token({"text": "x"}, X_Delivery_Id="d")
    with unit(SYSTEM) as work:
        assert queries.drop_old(work.session, now() - jobs.REQUESTS_KEPT, 10) == 0
        assert queries.drop_old_deliveries(work.session, now() - jobs.DELIVERIES_KEPT, 10) == 0
        assert queries.drop_old_deliveries(work.session, now() + timedelta(minutes=1), 1000) >= 1
        assert queries.drop_old(work.session, now() + timedelta(minutes=1), 1000) >= 1
    assert hook.requests() == []
