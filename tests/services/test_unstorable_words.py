"""Words that PostgreSQL cannot hold as they were sent: a turn of a chat is kept, and the agent takes it."""

import json
from typing import Any

import pytest

from gateway.core.identity import Actor
from gateway.core.storable import storable, storable_json
from gateway.features.agents import service_chat, service_steps
from gateway.features.chat import service_turns as turns
from gateway.features.chat.models import Message
from gateway.features.chat.service_turns import Place
from gateway.features.tasks import service as tasks
from tests.services.conftest import Open

ODD = "a\x00b \ud83d c"
KEPT = "a\ufffdb \ufffd c"


@pytest.mark.parametrize("content", [ODD, [{"type": "text", "text": ODD}, {"type": "odd", ODD: [ODD, float("nan")]}]])
def test_a_turn_of_a_chat_is_kept_and_taken_by_the_agent(unit: Open, alice: Actor, content: Any) -> None:
    said = [{"role": "user", "content": content}]
    with unit(alice) as work:
        turn = turns.open_turn(work, said, "orchestrator", Place())
        prompt = turns.words_of(said[0])
        task_id = service_chat.begin(work, said, prompt, turn.thread_id, turn.project_id, 60.0)
    with unit(alice) as work:
        message = work.session.get_one(Message, turn.user_message_id)
        assert message.text == KEPT
        assert tasks.get(work, task_id, whole=True).prompt == KEPT
        [told] = service_steps.kept_conversation(work, task_id)
        stored = json.dumps([message.content, told["content"]])
    assert "\\u0000" not in stored
    assert "NaN" not in stored
    assert told["content"] == storable_json(content)


def test_two_halves_that_belong_together_become_a_character() -> None:
    assert storable("\ud83d\ude00") == "\U0001f600"
    assert storable_json({"a\x00": [1, float("inf"), None, True]}) == {"a\ufffd": [1, None, None, True]}
