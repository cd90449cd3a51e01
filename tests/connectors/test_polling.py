"""Kinds that look for what is new: each happening is told once, in order, however much came and whatever went."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from imap_tools.folder import MailBoxFolderManager

from gateway.adapters.connectors.base import Polled
from gateway.adapters.connectors.chat import EACH_TIME
from gateway.adapters.connectors.failure import ConnectorError
from gateway.adapters.connectors.registry import KINDS, create
from gateway.features.connectors import service_execution as execution
from gateway.features.connectors.looking import Eyes
from gateway.features.connectors.service_execution import Look
from tests.conftest import LiveGateway, wait_until
from tests.connectors.conftest import install
from tests.connectors.peers import Peer, deliver, peer

CHANNELS = {"slack": "C1", "discord": "5", "mattermost": "ch1", "matrix": "!room:here"}
MENTIONS = {"slack": "<@U1> ", "discord": "<@!11> ", "mattermost": "@gatewaybot: ", "matrix": "Gateway: "}
OTHERS = {"slack": "<@U10> ", "discord": "<@111> ", "mattermost": "@gatewaybot-two ", "matrix": "@gatewaybot:there "}
MINE = {"slack": "U1", "discord": "11", "mattermost": "me1", "matrix": "@gatewaybot:here"}


@dataclass
class Watched:
    """A peer where things happen; `settings` say what is watched."""

    there: Peer
    settings: dict[str, Any]
    happen: Callable[[str], None]
    said: Callable[[dict[str, Any]], str]
    count: int = 0

    def look(self, position: dict[str, Any]) -> Polled:
        """One look, from a position as the database gives it back."""

        async def poll() -> Polled:
            secret = json.dumps(self.there.secret) if self.there.secret else None
            connector = create(self.there.kind, {**self.there.config, **self.settings}, secret)
            try:
                return await connector.poll(json.loads(json.dumps(position)))
            finally:
                await connector.aclose()

        return asyncio.run(poll())


def message(kind: str, number: int, text: str, author: str | None = None) -> dict[str, Any]:
    """A message as the service keeps it, of somebody else where no author is given."""
    at = datetime(2026, 5, 4, 10, tzinfo=UTC) + timedelta(seconds=number)
    if kind == "slack":
        return {"ts": f"{1000 + number}.000200", "user": author or "U9", "text": text, "channel": "C1"}
    if kind == "discord":
        return {"id": f"9{number:05}", "channel_id": "5", "content": text, "timestamp": at.isoformat(),
                "author": {"id": author or "12"}}  # fmt: skip
    if kind == "mattermost":
        return {"id": f"q{number}", "user_id": author or "u2", "create_at": int(at.timestamp() * 1000), "message": text}
    content: dict[str, Any] = {"msgtype": "m.text", "body": text}
    if text.startswith(MENTIONS["matrix"]):
        content["m.mentions"] = {"user_ids": [MINE["matrix"]]}
    return {"event_id": f"$q{number}", "sender": author or "@ada:here", "type": "m.room.message",
            "origin_server_ts": int(at.timestamp() * 1000), "content": content}  # fmt: skip


def watched(there: Peer) -> Watched:
    kind = there.kind
    if kind == "feed":
        return Watched(there, {}, there.taken.append, lambda told: str(told["title"]))
    if kind == "imap":
        return Watched(there, {}, lambda title: deliver(there, title), lambda told: str(told["subject"]))
    if kind == "github":

        def open_issue(title: str) -> None:
            event = {**there.taken[-1], "id": str(int(there.taken[0]["id"]) + 1)}
            there.taken.insert(0, {**event, "payload": {"action": "opened", "issue": {"number": 2, "title": title}}})

        return Watched(there, {"repositories": ["o/r"]}, open_issue, lambda told: str(told["title"]))
    mention = MENTIONS[kind]
    made = Watched(there, {"channels": [CHANNELS[kind]]}, lambda _: None, lambda told: told["text"][len(mention) :])

    def write(text: str) -> None:
        made.count += 1
        there.taken.append(message(kind, made.count, f"{mention}{text}"))

    made.happen = write
    return made


@pytest.fixture(params=sorted(kind for kind, type_ in KINDS.items() if type_.happening))
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with peer(request.param, tmp_path_factory.mktemp(request.param)) as there:
        yield watched(there)


@pytest.fixture(params=sorted(CHANNELS))
def channel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with peer(request.param, tmp_path_factory.mktemp(request.param)) as there:
        yield watched(there)


def test_what_is_new_is_told_once_and_the_oldest_first(place: Watched) -> None:
    place.happen("before anybody looked")
    first = place.look({})
    assert first.happenings == ()
    quiet = place.look(first.position)
    assert (quiet.happenings, quiet.position) == ((), first.position)
    for title in ("one", "two"):
        place.happen(title)
    told = place.look(first.position)
    assert [place.said(each) for each in json.loads(json.dumps(told.happenings))] == ["one", "two"]
    assert place.look(told.position).happenings == ()
    place.happen("three")
    assert [place.said(each) for each in place.look(told.position).happenings] == ["three"]


def test_what_happens_where_nothing_was_is_told(channel: Watched) -> None:
    channel.there.taken.clear()
    first = channel.look({})
    channel.happen("the first ever")
    assert [channel.said(each) for each in channel.look(first.position).happenings] == ["the first ever"]


def test_only_messages_of_others_that_mention_it_are_told(channel: Watched) -> None:
    kind, write = channel.there.kind, channel.there.taken.append
    position = channel.look({}).position
    write(message(kind, 1, "nothing to do with it"))
    write(message(kind, 2, f"{OTHERS[kind]}is somebody else"))
    write(message(kind, 3, f"{MENTIONS[kind]}by itself", MINE[kind]))
    write(message(kind, 4, f"{MENTIONS[kind]}is it you?"))
    [told] = channel.look(position).happenings
    assert (channel.said(told), told["channel"]) == ("is it you?", CHANNELS[kind])
    assert told["author"] != MINE[kind]
    assert datetime.fromisoformat(told["time"]).tzinfo is not None


def test_a_deleted_message_brings_no_other_back(channel: Watched) -> None:
    for number in range(EACH_TIME + 5):
        channel.happen(f"old {number}")
    position = channel.look({}).position
    del channel.there.taken[-1]
    assert channel.look(position).happenings == ()
    channel.happen("new")
    assert [channel.said(each) for each in channel.look(position).happenings] == ["new"]


def test_of_a_flood_the_newest_are_told_once(channel: Watched) -> None:
    position = channel.look({}).position
    for number in range(EACH_TIME + 20):
        channel.happen(str(number))
    told = channel.look(position)
    assert [channel.said(each) for each in told.happenings] == [str(number) for number in range(20, EACH_TIME + 20)]
    assert channel.look(told.position).happenings == ()


def test_an_event_that_github_shows_late_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    with peer("github", tmp_path_factory.mktemp("github")) as there:
        place = watched(there)
        position = place.look({}).position
        place.happen("punctual")
        late = there.taken.pop(0)
        place.happen("first seen")
        there.taken[0]["id"] = str(int(late["id"]) + 1)
        position = place.look(position).position
        there.taken.insert(1, late)
        assert [place.said(each) for each in place.look(position).happenings] == ["punctual"]


@pytest.mark.parametrize("kind", ["feed", "github", "mattermost"])
def test_a_gateway_tells_what_a_connector_hears(
    live_gateway: LiveGateway, tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    with peer(kind, tmp_path_factory.mktemp(kind)) as there:
        place = watched(there)
        installed = install(live_gateway.call, there, config={**place.settings, "poll_s": 1})
        wait_until(lambda: installed.now()["last_ok_at"], 60)
        place.happen("something new")
        name = f"connector.{KINDS[kind].happening}"

        def told() -> list[dict[str, Any]]:
            events = live_gateway.call("GET", "/v1/events", params={"name": name, "limit": 200}).json()["items"]
            return [event["data"] for event in events if event["data"]["connector_id"] == installed.id]

        [event] = wait_until(told, 60)
        assert (event["type"], place.said(event)) == (kind, "something new")
        live_gateway.call("DELETE", installed.path).raise_for_status()


class Services:
    """Stands for the module that calls services: one of them is slow until it is let go."""

    ConnectorError = ConnectorError

    def __init__(self) -> None:
        self.slow = asyncio.Event()

    async def look(self, wanted: Look) -> tuple[str, Polled]:
        """One look."""
        if wanted.type == "slow":
            await self.slow.wait()
        if wanted.type == "broken":
            raise ConnectorError("gone", code="unreachable")
        return "connector.heard", Polled({}, ())


class PlainNode:
    """A node without a database."""

    keys = None

    async def unit(self, act: Callable[[Any], Any]) -> Any:
        """Runs `act` at once."""
        return act(None)


def test_a_slow_look_delays_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    every = [Look(uuid.uuid4(), type_, {}, {}, None, None) for type_ in ("slow", "fast", "broken")]
    done: list[str] = []
    due = lambda work, keys, busy, most: [each for each in every if each.connector_id not in busy][:most]  # noqa: E731
    monkeypatch.setattr(execution, "looks", due)
    monkeypatch.setattr(execution, "looked", lambda work, look, *_: done.append(look.type))
    monkeypatch.setattr(execution, "look_failed", lambda work, look, code, _: done.append(f"{look.type}: {code}"))

    async def watch() -> None:
        services = Services()
        eyes = Eyes(PlainNode(), services)  # type: ignore[arg-type]
        for _ in range(3):
            await eyes.look()
            for _ in range(5):
                await asyncio.sleep(0)
        assert sorted(done) == ["broken: unreachable"] * 3 + ["fast"] * 3
        services.slow.set()
        for _ in range(5):
            await asyncio.sleep(0)
        assert done.count("slow") == 1

    asyncio.run(watch())


def test_mail_that_comes_during_a_look_is_told_once(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with peer("imap", tmp_path_factory.mktemp("imap")) as there:
        place = watched(there)
        position = place.look({}).position
        place.happen("before")
        told_status = MailBoxFolderManager.status

        def status(*given: Any, **options: Any) -> Any:
            told = told_status(*given, **options)
            monkeypatch.undo()
            place.happen("meanwhile")
            return told

        monkeypatch.setattr(MailBoxFolderManager, "status", status)
        looks = [place.look(position)]
        looks.append(place.look(looks[0].position))
        assert [[place.said(each) for each in look.happenings] for look in looks] == [["before"], ["meanwhile"]]
