"""Answers to messages whose service gives no address for them: a connector writes them into the same channel."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import LiveGateway, wait_until
from tests.connectors.conftest import Installed, install
from tests.connectors.peers import Peer, peer
from tests.http.callers import Person, assert_problem, new_person


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with peer("mattermost", tmp_path_factory.mktemp("mattermost")) as there:
        yield there


@pytest.fixture(scope="module")
def stranger(live_gateway: LiveGateway) -> Person:
    return new_person(live_gateway, f"eve-{uuid.uuid4().hex[:8]}")


def made(gateway: LiveGateway, **wish: Any) -> httpx.Response:
    return gateway.call("POST", "/v1/hooks", json={"name": f"answers {uuid.uuid4()}", **wish})


def action(bot: Installed) -> dict[str, Any]:
    through = {"connector_id": bot.id, "channel": "{{ body.channel_id | default('') }}"}
    reply = {"format": "json", "url": "{{ body.response_url | default('') }}", "through": through}
    return {"kind": "create_task", "task": {"commands": ["echo It rains."]}, "reply": reply}


def post(hook: dict[str, Any], **body: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {hook['secret']}"}
    return httpx.post(hook["url"], json=body, headers=headers, trust_env=False).json()  # type: ignore[no-any-return]


def test_the_answer_goes_into_the_channel_and_is_not_answered_itself(live_gateway: LiveGateway, chat: Peer) -> None:
    bot = install(live_gateway.call, chat, rules={"send": "allow"})
    hook = made(live_gateway, verify="token", action=action(bot)).json()
    told = post(hook, text="What is it like?", channel_id="ch1")
    assert told["status"] == "accepted"
    [written] = wait_until(lambda: list(chat.taken), 60)
    [done] = wait_until(lambda: [each for each in bot.history() if each["status"] == "completed"], 30)
    assert (done["operation"], done["task_id"], done["decision"]) == ("post_message", told["task_id"], "allow")
    answer = live_gateway.result(told["task_id"])["output"] or "Done."
    assert (written["channel_id"], written["message"].strip()) == ("ch1", answer.strip())
    assert post(hook, text=written["message"], channel_id="ch1", user_name="gatewaybot")["status"] == "ignored"
    assert post(hook, text="And tomorrow?", channel_id="ch1")["status"] == "accepted"
    wait_until(lambda: len(chat.taken) == 2, 60)


def test_what_the_connector_does_not_allow_is_not_written_and_told(live_gateway: LiveGateway, chat: Peer) -> None:
    bot = install(live_gateway.call, chat)
    before = len(chat.taken)
    hook = made(live_gateway, verify="token", action=action(bot)).json()
    post(hook, text="hi", channel_id="ch1")

    def told() -> list[str]:
        events = live_gateway.call("GET", "/v1/events", params={"name": "hook.reply_failed", "limit": 200}).json()
        return [each["data"]["error"] for each in events["items"] if each["data"]["hook_id"] == hook["id"]]

    [reason] = wait_until(told, 60)
    assert "no rule of the connector allows post_message" in reason
    assert len(chat.taken) == before


def test_a_preset_takes_a_connector_of_ones_own_to_a_chat_where_its_service_needs_one(
    live_gateway: LiveGateway, chat: Peer, stranger: Person, tmp_path: Path
) -> None:
    bot = install(live_gateway.call, chat)
    wish = {"preset": "mattermost", "secret": "a-token-of-mattermost"}
    reply = made(live_gateway, **wish, connector_id=bot.id).json()["action"]["reply"]
    assert reply["through"] == {"connector_id": bot.id, "channel": "{{ body.channel_id | default('') }}"}
    assert "through" not in made(live_gateway, **wish).json()["action"]["reply"]
    with peer("smtp", tmp_path) as there:
        silent = install(live_gateway.call, there)
    foreign = stranger.call("POST", "/v1/hooks", json={"name": "x", **wish, "connector_id": bot.id})
    for refused in (foreign, made(live_gateway, **wish, connector_id=silent.id)):
        assert_problem(refused, 422, field="action.reply.through.connector_id")
    options = {"public_key": "ab" * 32}
    refused = made(live_gateway, preset="discord", verify_options=options, connector_id=bot.id)
    assert_problem(refused, 422, field="connector_id")
    assert_problem(made(live_gateway, verify="token", action=action(bot), connector_id=bot.id), 422)
