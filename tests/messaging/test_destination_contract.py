"""Every kind of destination: a message arrives as its protocol wants it, or fails with a reason without secrets."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Reference
from standardwebhooks.webhooks import WebhookVerificationError

from gateway.adapters.destinations.base import DeliveryError, Message
from gateway.adapters.destinations.kinds.webhook import new_secret
from gateway.adapters.destinations.registry import KINDS, Unfit, checked, open_destination
from tests.messaging import stand_ins
from tests.messaging.stand_ins import ROOM, TOKEN, Receiver, receiver

HERE = ["127.0.0.1"]
SECRET = new_secret()

MESSAGE = Message(
    id="01a2b3c4-d5e6-7890-8abc-def012345678", name="task.failed", severity="error", title="Task failed: <nightly>",
    text="It exited with 1. @everyone <!channel> & Größe", time=datetime(2026, 11, 23, tzinfo=UTC),
    payload={"type": "task.failed", "timestamp": "2026-11-23T00:00:00Z", "data": {"name": "nightly"}},
)  # fmt: skip


@dataclass
class Example:
    """A destination of one kind that works, with a look at what arrived, and how to break it for good."""

    config: dict[str, Any]
    secret: str | None
    arrived: Callable[[], list[Any]]
    broken: tuple[dict[str, Any], str | None] | None = None


@contextmanager
def example(kind: str, folder: Path) -> Iterator[Example]:
    """A live peer of that kind."""
    with ExitStack() as stack:
        if kind == "email":
            box = stack.enter_context(stand_ins.mail_server())
            config = {"host": "127.0.0.1", "port": box.port, "security": "none", "sender": "gateway@home.example",
                      "recipients": ["ada@home.example"], "allowed_hosts": HERE}  # fmt: skip
            refused = {**config, "recipients": ["ada@refused.example"]}
            yield Example(config, None, lambda: [(mail["Subject"], mail.get_payload()) for mail in box.mails],
                          (refused, None))  # fmt: skip
            return
        if kind == "desktop":
            shown = stack.enter_context(stand_ins.desktop(str(folder)))
            yield Example({}, None, lambda: [(body[3], body[4]) for body in shown])
            return
        peer = getattr(stand_ins, kind, None)
        held: Receiver = stack.enter_context(receiver(peer))
        url = held.url
        settings: dict[str, tuple[dict[str, Any], str | None, tuple[dict[str, Any], str | None] | None]] = {
            "webhook": ({"url": f"{url}/hook"}, SECRET, None),
            "slack": ({}, f"{url}/services/T0/B0/abc", ({}, f"{url}/services/T0/B0/xyz")),
            "discord": ({}, f"{url}/api/webhooks/1/abc", ({}, f"{url}/api/webhooks/1/xyz")),
            "mattermost": ({}, f"{url}/hooks/abc", ({}, f"{url}/hooks/xyz")),
            "matrix": ({"homeserver": url, "room_id": ROOM}, TOKEN, ({"homeserver": url, "room_id": ROOM}, "wrong")),
            "ntfy": ({"server": url, "topic": "mine"}, TOKEN, ({"server": url, "topic": "mine"}, "wrong")),
            "apprise": ({}, url.replace("http://", "json://") + "/hook", ({}, "nosuchservice://x/y")),
        }  # fmt: skip
        config, secret, broken = settings[kind]
        broken = broken and ({**broken[0], "allowed_hosts": HERE}, broken[1])
        yield Example({**config, "allowed_hosts": HERE}, secret,
                      lambda: [request.json for request in held.accepted()], broken)  # fmt: skip


def deliver(kind: str, config: dict[str, Any], secret: str | None, message: Message = MESSAGE) -> int | None:
    """One attempt."""

    async def attempt() -> int | None:
        opened = open_destination(kind, config, [secret] if secret else [])
        try:
            return await opened.deliver(message)
        finally:
            await opened.aclose()

    return asyncio.run(attempt())


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_arrives(kind: str, tmp_path: Path) -> None:
    with example(kind, tmp_path) as it:
        assert checked(kind, it.config, it.secret) == it.config
        status = deliver(kind, it.config, it.secret)
        [arrived] = it.arrived()
    assert status in (None, 200, 204, 250)
    assert "nightly" in str(arrived)
    if kind != "webhook":
        assert "exited with 1" in str(arrived)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("webhook", "desktop")])
def test_what_cannot_succeed_is_said_to_be_permanent_and_shows_no_secret(kind: str, tmp_path: Path) -> None:
    with example(kind, tmp_path) as it:
        assert it.broken is not None
        with pytest.raises(DeliveryError) as caught:
            deliver(kind, *it.broken)
    assert caught.value.permanent, caught.value
    assert caught.value.code
    assert it.broken[1] is None or it.broken[1] not in str(caught.value)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "desktop"])
def test_a_peer_that_is_away_may_come_back(kind: str, tmp_path: Path) -> None:
    with example(kind, tmp_path) as it:
        pass
    with pytest.raises(DeliveryError) as caught:
        deliver(kind, it.config, it.secret)
    assert not caught.value.permanent


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "desktop"])
def test_an_address_of_ones_own_networks_needs_an_exception(kind: str, tmp_path: Path) -> None:
    with example(kind, tmp_path) as it:
        config = {name: value for name, value in it.config.items() if name != "allowed_hosts"}
        with pytest.raises(DeliveryError) as caught:
            deliver(kind, config, it.secret)
        assert it.arrived() == []
    assert (caught.value.code, caught.value.permanent) == ("forbidden_address", True)


def test_no_text_of_an_event_calls_anybody(tmp_path: Path) -> None:
    """Mentions and links are made by the other side's markup: there it is escaped or switched off."""
    texts = {}
    for kind in ("slack", "discord", "mattermost"):
        with example(kind, tmp_path) as it:
            deliver(kind, it.config, it.secret)
            texts[kind] = it.arrived()[0]
    assert "&lt;!channel&gt; &amp;" in texts["slack"]["text"]
    assert texts["discord"]["allowed_mentions"] == {"parse": []}
    assert "@everyone" not in texts["mattermost"]["text"]


def test_a_mail_has_a_single_line_subject_and_the_deliverys_id(tmp_path: Path) -> None:
    message = Message(**{**{name: getattr(MESSAGE, name) for name in MESSAGE.__slots__}, "title": "a\r\nBcc: b@c.de"})
    with stand_ins.mail_server() as box:
        config = {"host": "127.0.0.1", "port": box.port, "security": "none", "sender": "gateway@home.example",
                  "recipients": ["ada@home.example"], "allowed_hosts": HERE}  # fmt: skip
        deliver("email", config, None, message)
        [mail] = box.mails
    assert (mail["Subject"], mail["Bcc"]) == ("a Bcc: b@c.de", None)
    assert MESSAGE.id in mail["Message-ID"]


def test_a_mail_is_tried_again_as_long_as_the_server_may_take_a_recipient_later() -> None:
    with stand_ins.mail_server() as box:
        config = {"host": "127.0.0.1", "port": box.port, "security": "none", "sender": "gateway@home.example",
                  "recipients": ["ada@refused.example", "bob@busy.example"], "allowed_hosts": HERE}  # fmt: skip
        with pytest.raises(DeliveryError) as caught:
            deliver("email", config, None)
    assert (caught.value.permanent, caught.value.status) == (False, 450)


def test_a_mail_that_only_some_recipients_got_names_the_others_and_is_not_sent_again() -> None:
    with stand_ins.mail_server() as box:
        config = {"host": "127.0.0.1", "port": box.port, "security": "none", "sender": "gateway@home.example",
                  "recipients": ["ada@home.example", "bob@busy.example", "eve@refused.example"],
                  "allowed_hosts": HERE}  # fmt: skip
        with pytest.raises(DeliveryError) as caught:
            deliver("email", config, None)
        assert len(box.mails) == 1
    assert "bob@busy.example (450), eve@refused.example (550)" in str(caught.value)
    assert "ada" not in str(caught.value)
    assert (caught.value.code, caught.value.permanent, caught.value.in_part) == ("refused_in_part", True, True)


def test_a_webhook_is_signed_by_every_live_secret() -> None:
    old, new, other = new_secret(), new_secret(), new_secret()

    async def attempt(url: str) -> None:
        opened = open_destination("webhook", {"url": url, "allowed_hosts": HERE}, [new, old])
        await opened.deliver(MESSAGE)
        await opened.aclose()

    with receiver() as held:
        asyncio.run(attempt(f"{held.url}/hook"))
        [request] = held.requests
    for secret in (new, old):
        assert Reference(secret).verify(request.body, request.headers)["type"] == "task.failed"
    with pytest.raises(WebhookVerificationError):
        Reference(other).verify(request.body, request.headers)
    assert request.headers["webhook-id"] == MESSAGE.id
    age = datetime.now(UTC) - datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    assert age < timedelta(seconds=60)


@pytest.mark.parametrize(
    ("status", "headers", "permanent", "gone", "code", "wait"),
    [
        (500, {}, False, False, "refused", None), (404, {}, False, False, "refused", None),
        (301, {"Location": "/elsewhere"}, False, False, "redirected", None),
        (410, {}, True, True, "gone", None), (429, {"Retry-After": "7"}, False, False, "refused", 7.0),
        (503, {"Retry-After": "1e9"}, False, False, "refused", 21600.0),
    ],
)  # fmt: skip
def test_what_a_receivers_answer_means(
    status: int, headers: dict[str, str], permanent: bool, gone: bool, code: str, wait: float | None
) -> None:
    with receiver(lambda _: (status, headers, b"")) as held:
        with pytest.raises(DeliveryError) as caught:
            deliver("webhook", {"url": f"{held.url}/hook", "allowed_hosts": HERE}, SECRET)
        assert [request.path for request in held.requests] == ["/hook"], "a redirect was followed"
    error = caught.value
    assert (error.status, error.permanent, error.gone, error.code) == (status, permanent, gone, code)
    assert error.retry_after_s == wait


@pytest.mark.parametrize(
    ("said", "wait"), [(b"1.5", 1.5), (b"-1", 0.0), (b"NaN", 0.0), (b"1e99", 21600.0), (b"9" * 400, None)]
)
def test_discord_says_how_long_to_wait(said: bytes, wait: float | None) -> None:
    with receiver(lambda _: (429, {}, b'{"retry_after": %s}' % said)) as held, pytest.raises(DeliveryError) as caught:
        deliver("discord", {"allowed_hosts": HERE}, f"{held.url}/api/webhooks/1/abc")
    assert (caught.value.retry_after_s, caught.value.permanent) == (wait, False)


def test_attempts_in_matrix_carry_one_transaction_id() -> None:
    with receiver(stand_ins.matrix) as held:
        for _ in range(2):
            deliver("matrix", {"homeserver": held.url, "room_id": ROOM, "allowed_hosts": HERE}, TOKEN)
    assert len({request.path for request in held.requests}) == 1


@pytest.mark.parametrize(
    ("kind", "config", "secret", "field"),
    [
        ("webhook", {"url": "http://127.0.0.1:9/"}, None, "destination_config.url"),
        ("webhook", {"url": "http://192.168.1.7/"}, None, "destination_config.url"),
        ("webhook", {"url": "ftp://example.org/"}, None, "destination_config.url"),
        ("webhook", {"url": "https://user:pw@example.org/"}, None, "destination_config.url"),
        ("webhook", {"url": "https://example.org/"}, "whsec_short", "secret"),
        ("webhook", {}, None, "destination_config.url"),
        ("webhook", {"url": "https://example.org/", "colour": "red"}, None, "destination_config.colour"),
        ("slack", {}, "http://10.0.0.1/services/x", "secret"),
        ("email", {"host": "m.example", "sender": "a@b.c", "recipients": ["x"]}, None,
         "destination_config.recipients.0"),
        ("email", {"host": "m.example", "sender": "a@b.c", "recipients": ["a@b.c"], "security": "none",
                   "username": "a"}, "pw", "destination_config.security"),
        ("matrix", {"homeserver": "https://m.example", "room_id": "room"}, "t", "destination_config.room_id"),
        ("ntfy", {"topic": "a/b"}, None, "destination_config.topic"),
        ("apprise", {}, "no url", "secret"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_right_are_refused_by_field(
    kind: str, config: dict[str, Any], secret: str | None, field: str
) -> None:
    with pytest.raises(Unfit) as caught:
        checked(kind, config, secret)
    assert caught.value.problems[0][0] == field


def test_each_setting_that_does_not_fit_is_told_in_plain_words() -> None:
    with pytest.raises(Unfit) as caught:
        checked("email", {"host": "mail server", "port": 0, "sender": "me", "recipients": []}, None)
    assert caught.value.problems == [
        ("destination_config.host", "it must be the name of a server, such as smtp.example.org"),
        ("destination_config.port", "it must be at least 1"),
        ("destination_config.sender", "it must be an address, such as me@example.org"),
        ("destination_config.recipients", "it needs 1 or more"),
    ]


def test_every_kind_describes_its_settings_for_a_form() -> None:
    for kind, sort in KINDS.items():
        schema = sort.Config.model_json_schema()
        assert sort.kind == kind
        assert sort.title
        assert sort.key_label or sort.key_need == "none"
        assert all("title" in field for field in schema.get("properties", {}).values()), kind


def test_the_desktop_says_why_it_cannot_show_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    problem = KINDS["desktop"].unavailable()
    assert problem is not None
    assert all(problem)
    with pytest.raises(DeliveryError, match="outside a desktop session"):
        deliver("desktop", {}, None)
