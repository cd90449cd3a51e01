"""Turns find their thread: one for each user and project, a client's own, or a named one; with branches."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from gateway.core.clock import now
from gateway.core.errors import NotFound
from gateway.core.identity import SYSTEM, Actor
from gateway.features.chat import queries, service
from gateway.features.chat import service_turns as turns
from gateway.features.chat.models import Message, Thread
from gateway.features.chat.schemas import MessageIn, ThreadIn, ThreadPatch
from gateway.features.chat.service_turns import Place, Turn
from gateway.features.identity import service as identity
from gateway.features.tasks import service as tasks
from gateway.features.tasks.schemas import TaskIn
from tests.services.conftest import Open


@pytest.fixture
def dora(unit: Open) -> Actor:
    """Somebody who has never chatted."""
    with unit(SYSTEM) as work:
        user = identity.create_user(work, f"dora{uuid.uuid4().hex[:8]}", role="member")
        return Actor(user.id, user.handle, frozenset({"member"}), via="test")


FILES = '<attached_files>\n<file type="file" id="7" name="a.txt"/>\n</attached_files>\n\n'


def user(words: str) -> dict[str, Any]:
    return {"role": "user", "content": words}


def assistant(words: str) -> dict[str, Any]:
    return {"role": "assistant", "content": words}


def say(unit: Open, actor: Actor, *messages: dict[str, Any], reply: str = "Fine.", **place: Any) -> Turn:
    """One whole turn."""
    with unit(actor) as work:
        turn = turns.open_turn(work, messages, "local/m", Place(**place))
    with unit(actor) as work:
        turns.close_turn(work, turn, text=reply, status="complete", finish_reason="stop")
    return turn


def shown(unit: Open, actor: Actor, thread_id: uuid.UUID) -> list[tuple[str, str]]:
    """The branch that is shown."""
    with unit(actor) as work:
        thread = service.get(work, thread_id)
        assert thread.message_id is not None
        branch = queries.branch(work.session, thread_id, thread.message_id)
        return [(message.role, message.text) for message in branch]


def test_turns_without_a_thread_go_on_in_one_and_only_what_is_new_is_stored(unit: Open, dora: Actor) -> None:
    first = say(unit, dora, user("Hello\x00 there"), reply="Hi.")
    second = say(unit, dora, user("Hello\x00 there"), assistant("Hi."), user("And now?"))
    assert first.thread_id == second.thread_id
    assert shown(unit, dora, first.thread_id) == [
        ("user", "Hello� there"), ("assistant", "Hi."), ("user", "And now?"), ("assistant", "Fine."),
    ]  # fmt: skip
    with unit(dora) as work:
        thread = service.get(work, first.thread_id)
        assert (thread.title, thread.is_active) == ("Hello� there", True)


def test_two_hours_of_silence_begin_a_new_thread(unit: Open, dora: Actor) -> None:
    first = say(unit, dora, user("Before lunch"))
    with unit(SYSTEM) as work:
        thread = work.session.get_one(Thread, first.thread_id)
        thread.last_activity_at = now() - turns.SILENCE - timedelta(seconds=1)
    second = say(unit, dora, user("After lunch"))
    assert second.thread_id != first.thread_id
    with unit(dora) as work:
        assert [service.get(work, turn.thread_id).is_active for turn in (first, second)] == [False, True]


def test_ten_first_turns_at_once_share_one_thread(unit: Open, dora: Actor) -> None:
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda number: say(unit, dora, user(f"word {number}")), range(10)))
    assert len({turn.thread_id for turn in found}) == 1
    assert len({turn.user_message_id for turn in found}) == 10
    assert len(shown(unit, dora, found[0].thread_id)) == 20, "each went after the one before, on one branch"


def test_a_clients_own_chats_are_kept_apart(unit: Open, dora: Actor) -> None:
    one, two = (say(unit, dora, user("Hello"), client_chat_id=name) for name in ("chat-1", "chat-2"))
    again = say(unit, dora, user("Hello"), assistant("Fine."), user("More"), client_chat_id="chat-1")
    assert one.thread_id == again.thread_id != two.thread_id
    assert len(shown(unit, dora, two.thread_id)) == 2
    default = say(unit, dora, user("Hello"))
    assert default.thread_id not in (one.thread_id, two.thread_id)


def test_a_repeated_message_is_a_retry_and_a_changed_one_a_branch(unit: Open, dora: Actor) -> None:
    chat = {"client_chat_id": "branches"}
    first = say(unit, dora, user("A"), reply="1", **chat)
    retry = say(unit, dora, user("A"), reply="2", **chat)
    assert retry.user_message_id == first.user_message_id
    assert shown(unit, dora, first.thread_id) == [("user", "A"), ("assistant", "2")]
    edited = say(unit, dora, user("B"), reply="3", **chat)
    assert shown(unit, dora, first.thread_id) == [("user", "B"), ("assistant", "3")]
    with unit(dora) as work:
        service.change(work, service.for_change(work, first.thread_id), ThreadPatch(message_id=first.answer_id))
        assert len(list(work.session.scalars(service.messages(work, first.thread_id)))) == 5
    assert shown(unit, dora, first.thread_id) == [("user", "A"), ("assistant", "1")]
    assert edited.user_message_id != first.user_message_id


def test_the_console_names_thread_and_parent(unit: Open, dora: Actor) -> None:
    with unit(dora) as work:
        thread = service.create(work, ThreadIn())
        assert (thread.title, thread.is_active) == (service.UNTITLED, False)
    first = say(unit, dora, user("What is a  thread?"), thread_id=thread.id)
    second = say(unit, dora, user("Go on"), thread_id=thread.id, parent_id=first.answer_id)
    again = say(unit, dora, user("Go on"), thread_id=thread.id, parent_id=second.user_message_id, reply="Again.")
    assert again.user_message_id == second.user_message_id
    assert [role for role, _ in shown(unit, dora, thread.id)] == ["user", "assistant"] * 2
    with unit(dora) as work:
        assert service.get(work, thread.id).title == "What is a thread?"


def test_an_answer_is_seen_while_it_comes_and_cut_when_its_writer_is_gone(unit: Open, dora: Actor) -> None:
    with unit(dora) as work:
        turn = turns.open_turn(work, [user("Write")], "local/m", Place())
    with unit(dora) as work:
        turns.save_progress(work, turn, "Once upon")
    assert shown(unit, dora, turn.thread_id)[-1] == ("assistant", "Once upon")
    with unit(SYSTEM) as work:
        turns.end_lost(work)
        assert work.session.get_one(Message, turn.answer_id).status == "streaming"
        work.session.execute(
            text("UPDATE chat_messages SET updated_at = now() - interval '1 hour' WHERE id = :id"),
            {"id": turn.answer_id},
        )
    with unit(SYSTEM) as work:
        assert turns.end_lost(work) == 1
        answer = work.session.get_one(Message, turn.answer_id)
        assert (answer.status, answer.text) == ("cut", "Once upon")


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        ({"status": "running"}, ("streaming", "It")),
        ({"status": "completed", "output": "It is 42."}, ("complete", "It is 42.")),
        ({"status": "failed", "error": {"code": "agent_loop", "message": "Round."}}, ("cut", "It")),
    ],
)
def test_an_answer_of_the_agent_ends_as_its_task_when_its_gateway_is_gone(
    unit: Open, dora: Actor, task: dict[str, Any], answer: tuple[str, str]
) -> None:
    with unit(dora) as work:
        turn = turns.open_turn(work, [user("Count")], "orchestrator", Place())
        made = tasks.create(work, TaskIn(prompt="Count"))
        turns.name_task(work, turn, made.id)
    with unit(dora) as work:
        turns.save_progress(work, turn, "It")
    with unit(SYSTEM) as work:
        row = tasks.look(work, made.id)
        for name, value in task.items():
            setattr(row, name, value)
        work.session.flush()
        work.session.execute(
            text("UPDATE chat_messages SET updated_at = now() - interval '1 minute' WHERE id = :id"),
            {"id": turn.answer_id},
        )
    with unit(SYSTEM) as work:
        turns.end_lost(work)
        kept = work.session.get_one(Message, turn.answer_id)
        assert (kept.status, kept.text) == answer
        assert kept.error == task.get("error")


def test_a_turn_that_the_database_lost_in_a_crash_is_stored_with_its_answer(unit: Open, dora: Actor) -> None:
    say(unit, dora, user("Hello"), reply="Hi.")
    with unit(dora) as work:
        turn = turns.open_turn(work, [user("Write")], "local/m", Place())
    with unit(SYSTEM) as work:  # as a commit is lost that did not wait for the disk
        work.session.execute(
            text("DELETE FROM chat_messages WHERE id IN (:said, :answer)"),
            {"said": turn.user_message_id, "answer": turn.answer_id},
        )
        last = "SELECT id FROM chat_messages WHERE thread_id = :id ORDER BY id DESC LIMIT 1"
        lost = text(f"UPDATE chat_threads SET message_id = ({last}) WHERE id = :id")
        work.session.execute(lost, {"id": turn.thread_id})
    with unit(dora) as work:
        turns.close_turn(work, turn, text="Done.", status="complete", finish_reason="stop")
    said = [("user", "Hello"), ("assistant", "Hi."), ("user", "Write"), ("assistant", "Done.")]
    assert shown(unit, dora, turn.thread_id) == said


def test_an_answer_for_a_deleted_thread_is_dropped(unit: Open, dora: Actor) -> None:
    with unit(dora) as work:
        turn = turns.open_turn(work, [user("Soon gone")], "local/m", Place())
    with unit(dora) as work:
        service.remove(work, turn.thread_id)
    with unit(dora) as work:
        turns.close_turn(work, turn, text="too late", status="complete")
        assert work.session.get(Message, turn.answer_id) is None


def test_an_answer_is_kept_whatever_its_server_put_into_it(unit: Open, dora: Actor) -> None:
    odd = {"text": "half \ud800 of a pair\x00", "usage": {"total_tokens": 3, "cost": float("nan"), "by\x00": ["\x00"]}}
    with unit(dora) as work:
        turn = turns.open_turn(work, [user("Oddly")], "local/m", Place())
    with unit(dora) as work:
        turns.close_turn(work, turn, status="failed", error={"message": "bad \x00"}, **odd)
    with unit(dora) as work:
        answer = work.session.get(Message, turn.answer_id)
        assert answer is not None
        kept = (answer.text, answer.usage, answer.error)
    mark = "\N{REPLACEMENT CHARACTER}"
    usage = {"total_tokens": 3, "cost": None, f"by{mark}": [mark]}
    assert kept == (f"half {mark} of a pair{mark}", usage, {"message": f"bad {mark}"})


def test_nobody_else_sees_writes_or_finds_a_thread(unit: Open, dora: Actor, bob: Actor) -> None:
    word = f"zebra{uuid.uuid4().hex[:8]}"
    turn = say(unit, dora, user(f"the {word} in the room"))
    with unit(dora) as work:
        [found] = work.session.scalars(service.search(work, word, None)).all()
        [hit] = service.describe_hits(work, word, [found])
        assert f"«{word}»" in hit.snippet
    with unit(bob) as work:
        assert work.session.scalars(service.search(work, word, None)).all() == []
    for act in (
        lambda work: service.get(work, turn.thread_id),
        lambda work: service.remove(work, turn.thread_id),
        lambda work: service.add_message(work, turn.thread_id, MessageIn(text="x")),
        lambda work: turns.open_turn(work, [user("x")], "m", Place(thread_id=turn.thread_id)),
    ):
        with pytest.raises(NotFound), unit(bob) as work:
            act(work)


def test_titles_and_follow_ups_that_clients_ask_for_are_known() -> None:
    assert turns.is_background([user("### Task:\nGenerate a title")])
    assert turns.is_background([{"role": "user", "content": [{"type": "text", "text": "### Task: tags"}]}])
    assert not turns.is_background([user("What does ### Task: mean?")])
    assert not turns.is_background([user("### Task: a"), assistant("b"), user("c")])
    assert turns.is_background([user("### Task: Title\n<chat_history>\nUSER: What ends </context>?\n</chat_history>")])


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("# Trip\n- **Plan** it ~~now~~\n> by *train*", "Trip Plan it now by *train*"),
        ("Why does `2 ** 3 ** 2` of [the manual](http://a/b) fail?", "Why does 2 ** 3 ** 2 of the manual fail?"),
        ("```python\nprint(1 - 2)\n```\nWhat is this_one?", "print(1 - 2) What is this_one?"),
        ("**", "**"),
        (" \n", "New chat"),
    ],
)
def test_a_title_is_the_beginning_without_marks(unit: Open, dora: Actor, said: str, title: str) -> None:
    turn = say(unit, dora, user(said), client_chat_id=f"titled {said}")
    with unit(dora) as work:
        assert service.get(work, turn.thread_id).title == title


def test_a_question_about_documents_is_the_users_own(unit: Open, dora: Actor) -> None:
    first, second = (
        user(f"### Task:\nUse the context.\n<context>\n{document}\n</context>\n\n{FILES}Who wrote it?")
        for document in "ab"
    )
    assert not turns.is_background([first])
    turn = say(unit, dora, first, client_chat_id="about-documents")
    with unit(dora) as work:
        assert service.get(work, turn.thread_id).title == "Who wrote it?"
        asked = work.session.get_one(Message, turn.user_message_id)
        assert (asked.text, asked.content) == ("Who wrote it?", [{"type": "text", "text": first["content"]}])
    again = say(unit, dora, second, client_chat_id="about-documents")
    assert again.user_message_id == turn.user_message_id
    assert (turns.words_of(first), turns.words_of(user(f"{FILES}And when?"))) == ("Who wrote it?", "And when?")


def test_of_a_long_chat_no_more_is_read_than_is_told_again(unit: Open, dora: Actor) -> None:
    with unit(dora) as work:
        thread = service.create(work, ThreadIn())
        for number in range(turns.REMEMBERED + 10):
            service.add_message(work, thread.id, MessageIn(text=f"word {number}"))
    read: list[str] = []

    def note(message: Message, _: Any) -> None:
        read.append(message.text)

    event.listen(Message, "load", note)
    try:
        with unit(dora) as work:
            _, told = turns.open_next(work, "and now?", "local/m", Place(thread_id=thread.id), "hook:x")
    finally:
        event.remove(Message, "load", note)
    assert [message["content"] for message in told] == [*(f"word {n}" for n in range(10, 30)), "and now?"]
    assert "word 9" not in read
