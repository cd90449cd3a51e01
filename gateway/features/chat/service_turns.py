"""One turn of a chat: the user's message is stored before anything is told, the answer while and after it comes.

Clients send the whole conversation each time; only what is new in it is stored. A client that names its chat keeps a
thread for it, in which a repeated message is a retry and a changed one a branch (decision 0031).
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from psycopg.errors import ForeignKeyViolation
from sqlalchemy.exc import IntegrityError

from gateway.core.clock import new_id, now
from gateway.core.driver.statements import Statement
from gateway.core.events import NewEvent
from gateway.core.storable import storable, storable_json
from gateway.core.unit_of_work import Work
from gateway.features.projects import service as projects
from gateway.features.tasks import service as tasks

from . import queries
from .models import Message, NewMessage, Thread
from .service import UNTITLED, add, check_message, find, tell, tell_message

SILENCE = timedelta(hours=2)
"""After so long without a word the next one begins a new thread (docs/chat.md)."""

QUIET = timedelta(seconds=8)
"""After so long without a word an answer of the agent ends with its task, which goes on without a gateway."""

LOST = timedelta(minutes=2)
"""An answer that is being written is stored every few seconds; after so long its writer is gone."""

REMEMBERED = 20
"""Messages that are told again of a thread whose client keeps no conversation of its own."""

SHORT = 20_000
"""Characters of a message that is sent to the database again with its answer, rather than waiting for the disk."""

TITLE_LENGTH = 60
BEGINNING = 500
"""Characters of a message that its thread's title is made of."""

MARKS = re.compile(
    r"""^[ \t]*(?:```.*|\#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+)  # fence, heading, quotation, item
    |\*\*(\S[^*]*)\*\* | ``?([^`]+)``? | ~~(\S[^~]*)~~     # bold, code, struck
    |!?\[([^]]*)\]\([^)]*\)                                # link, picture""",
    re.MULTILINE | re.VERBOSE,
)
"""Marks of Markdown, which titles are without."""

BACKGROUND_MARK = "### Task:"
"""How what a client asks on its own begins, and, with Open WebUI, a question about documents."""

DOCUMENTS_END = "</context>"
"""What ends the documents that such a question comes with; the user's own words follow."""

ATTACHED = ("<attached_files>", "</attached_files>")
"""What names the files of a question, before it."""

CHAT_HISTORY = "<chat_history>"
"""Where what a client asks on its own repeats the chat, whatever is said there."""

CALLERS = queries.CALLERS
"""Who calls by an API token, and where their chat goes on: for views that open turns."""

Ended = Literal["complete", "cut", "failed"]
ROLES = ("system", "developer", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that was opened. `answer_id` is the message that the answer is stored in."""

    thread_id: uuid.UUID
    project_id: uuid.UUID
    user_message_id: uuid.UUID
    answer_id: uuid.UUID
    stored: Statement | None = None
    """What stored it, where its commit need not wait for the disk: it is done again should a crash have lost it."""

    def plain(self) -> dict[str, str]:
        """As it can be stored by who closes the turn later."""
        names = ("thread_id", "project_id", "user_message_id", "answer_id")
        return {name: str(getattr(self, name)) for name in names}

    @classmethod
    def of(cls, plain: Mapping[str, str]) -> "Turn":
        """The turn that `plain` was made of."""
        ids = {name: uuid.UUID(value) for name, value in plain.items()}
        return cls(ids["thread_id"], ids["project_id"], ids["user_message_id"], ids["answer_id"])


@dataclass(frozen=True, slots=True)
class Place:
    """Which thread a turn is for, as far as the client says: its id, or the client's own name of the chat."""

    project_id: uuid.UUID | None = None
    thread_id: uuid.UUID | None = None
    client_chat_id: str | None = None
    parent_id: uuid.UUID | None = None
    """The message that the new one answers to; for the console, which shows branches."""
    caller: Any = None
    """Whom the turn is of as CALLERS told it, where it did: then nothing has to be asked again."""

    @property
    def is_open(self) -> bool:
        """Whether the client says nothing: the turn goes on in the active thread, after what is last there."""
        return self.thread_id is None and self.client_chat_id is None and self.parent_id is None


def is_background(messages: Sequence[dict[str, Any]]) -> bool:
    """Whether a client asks for a title, tags or follow-ups: one single message with that mark, without documents."""
    said = [message for message in messages if message.get("role") == "user"]
    return len(messages) == len(said) == 1 and _is_marked(text_of(said[0])) and not has_documents(said[0])


def open_turn(work: Work, messages: Sequence[dict[str, Any]], model: str, place: Place) -> Turn:
    """Finds or begins the thread, and stores the newest message and an empty answer.

    `messages` are in OpenAI's shape, redacted. Raises NotFound and Invalid for what does not fit together.
    """
    newest = _newest(messages)
    if place.is_open:
        return _go_on(work, newest, model, place)
    thread, is_named = _thread(work, place, newest)
    said = _said(work, thread, messages, newest, place, is_named=is_named)
    if thread.title == UNTITLED and said.parent_id is None:
        thread.title = _title(newest)
        tell(work, thread, "thread.updated")
    answer = _empty_answer(thread.id, said.id, model)
    add(work, thread, answer.entity())
    return Turn(thread.id, thread.project_id, said.id, answer.id)


def _go_on(work: Work, newest: dict[str, Any], model: str, place: Place) -> Turn:
    """A turn in the one active thread of user and project, in which any number may go on at once.

    Nothing is locked before the commit: each goes after whichever was committed last.
    """
    usual = _usual(work, place)
    thread = usual or _active(work, place, newest)
    said = _as_stored(thread.thread_id, None, newest)
    answer = _empty_answer(thread.thread_id, said.id, model)
    store = queries.go_on(thread.thread_id, said, answer)
    work.execute_last(store)
    for message in (said, answer):
        tell_message(work, thread, message, "message.created")
    is_short = len(said.text) + (SHORT if said.content else 0) <= SHORT
    # A thread that begins here would be lost with its turn: nothing could be stored in it again.
    is_stored_again = usual is not None and is_short
    return Turn(thread.thread_id, thread.project_id, said.id, answer.id, store if is_stored_again else None)


def is_gone(error: IntegrityError) -> bool:
    """Whether a turn could not be stored because its thread was deleted after it had been found."""
    return isinstance(error.orig, ForeignKeyViolation) and error.orig.diag.table_name == Message.__tablename__


def open_next(work: Work, text: str, model: str, place: Place, source: str) -> tuple[Turn, list[dict[str, Any]]]:
    """A turn after what the thread shows last, for who keeps no conversation; and the conversation up to it.

    `text` is redacted, and comes from outside: `source` says whence. Raises as `open_turn`.
    """
    newest = {"role": "user", "content": text}
    thread, _ = _thread(work, place, newest)
    said = queries.branch(work.session, thread.id, thread.message_id, REMEMBERED) if thread.message_id else []
    messages = [{"role": each.role, "content": each.text} for each in said if each.text]
    messages.append(newest)
    turn = open_turn(work, messages, model, Place(thread_id=thread.id, parent_id=thread.message_id))
    work.session.get_one(Message, turn.user_message_id).source = source
    return turn, messages


def name_task(work: Work, turn: Turn, task_id: uuid.UUID) -> None:
    """Says which task gives the answer, so that its steps can be seen beside it."""
    work.execute_last(queries.name_task(turn.answer_id, task_id))


def save_progress(work: Work, turn: Turn, text: str) -> None:
    """Stores an answer as far as it has come, so that whoever looks again sees it."""
    queries.save(work.session, turn.answer_id, storable(text))


def close_turn(
    work: Work,
    turn: Turn,
    *,
    text: str,
    status: Ended,
    finish_reason: str | None = None,
    tool_calls: list[dict[str, Any]] | None = None,
    usage: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
) -> None:
    """Stores how the answer ended. A thread that was deleted meanwhile stays deleted."""
    end = {
        "text": text, "status": status, "finish_reason": finish_reason, "usage": usage, "error": error,
        "content": [{"type": "tool_call", **call} for call in tool_calls] if tool_calls else None,
    }  # fmt: skip
    work.execute_last(queries.end(turn.thread_id, turn.answer_id, turn.stored, **storable_json(end)))
    work.tell_last(queries.tell(NewEvent("message.completed", work.actor.handle), turn.answer_id))


def end_lost(work: Work) -> int:
    """Ends answers whose gateway ended while it wrote them: as their task has, or cut; returns how many."""
    count = 0
    for answer in queries.unfinished(work.session, now() - QUIET):
        task = tasks.look(work, answer.task_id) if answer.task_id is not None else None
        if task is not None and task.status == "completed":
            answer.text, answer.status, answer.finish_reason = storable(task.output or ""), "complete", "stop"
        elif task is not None and task.status in ("failed", "canceled"):
            answer.status, answer.error = "cut" if answer.text else "failed", task.error
        elif task is None and answer.updated_at < now() - LOST:
            answer.status = "cut"
        else:
            continue
        count += 1
        tell_message(work, work.session.get_one(Thread, answer.thread_id), answer, "message.completed")
    return count


def text_of(message: dict[str, Any]) -> str:
    """What can be read of a message in OpenAI's shape."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def words_of(message: dict[str, Any]) -> str:
    """What the user said in it: without what a client put before, documents and the names of files."""
    text = text_of(message)
    said = text.rpartition(DOCUMENTS_END)[2].strip() if has_documents(message) else text
    begin, end = ATTACHED
    return said.partition(end)[2].strip() if said.startswith(begin) and end in said else said


def has_documents(message: dict[str, Any]) -> bool:
    """Whether a client put documents, and instructions about them, before what the user said."""
    text = text_of(message)
    return _is_marked(text) and DOCUMENTS_END in text and CHAT_HISTORY not in text


def _is_marked(text: str) -> bool:
    return text.lstrip().startswith(BACKGROUND_MARK)


def _thread(work: Work, place: Place, newest: dict[str, Any]) -> tuple[Thread, bool]:
    """The thread, locked, and whether the client named it."""
    if place.thread_id is not None:
        return find(work, place.thread_id, "threads.write", lock=True), True
    if place.client_chat_id is None:
        return find(work, _active(work, place, newest).thread_id, "threads.write", lock=True), False
    project = projects.for_new_work(work, place.project_id, "threads.write")
    wanted = (work.actor.user_id, project.id, place.client_chat_id)
    found = queries.of_client(work.session, *wanted)
    if found is None:
        _begin(work, project.id, place.client_chat_id, newest)
        found = queries.of_client(work.session, *wanted)
    assert found is not None
    return found, True


def _usual(work: Work, place: Place) -> Any:
    """The active thread in the caller's default project, by one look; None where there is none, or a silent one."""
    if place.project_id is not None:
        return None
    found = place.caller or queries.usual(work.session, work.actor.user_id)
    if found is None or found.thread_id is None or now() - found.last_activity_at > SILENCE:
        return None
    projects.check_new_work(work, "threads.write", found.owner_id, found.project_id, found.is_active)
    return found


def _active(work: Work, place: Place, newest: dict[str, Any]) -> Any:
    """The one active thread of user and project, begun where there is none, or only a silent one."""
    project = projects.for_new_work(work, place.project_id, "threads.write")
    owner_id = work.actor.user_id
    found = queries.active(work.session, owner_id, project.id)
    if found is not None and now() - found.last_activity_at > SILENCE:
        queries.retire(work.session, found.thread_id)
        found = None
    if found is None:
        _begin(work, project.id, None, newest)
        found = queries.active(work.session, owner_id, project.id)
    assert found is not None
    return found


def _begin(work: Work, project_id: uuid.UUID, client_chat_id: str | None, newest: dict[str, Any]) -> None:
    """Begins a thread; of many at once one begins it, and the others find it."""
    thread = Thread(
        id=new_id(), owner_id=work.actor.user_id, project_id=project_id, title=_title(newest),
        client_chat_id=client_chat_id, is_active=client_chat_id is None,
    )  # fmt: skip
    if queries.begin(work.session, thread):
        tell(work, thread, "thread.created")


def _said(
    work: Work, thread: Thread, messages: Sequence[dict[str, Any]], newest: dict[str, Any], place: Place, *,
    is_named: bool,
) -> Message:  # fmt: skip
    """The newest message as it is stored: found again where it is asked a second time, else added."""
    parent_id = thread.message_id
    if place.parent_id is not None:
        parent = check_message(work, thread, place.parent_id, "parent_id")
        if parent.role == "user" and parent.text == storable(words_of(newest)):
            return parent  # asked again
        parent_id = parent.id
    elif is_named and thread.message_id is not None:
        branch = queries.branch(work.session, thread.id, thread.message_id)
        said = [each for each in branch if each.role == "user"]
        number = sum(message.get("role") == "user" for message in messages)
        if newest.get("role") == "user" and 0 < number <= len(said):
            before: Message = said[number - 1]
            if before.text == storable(words_of(newest)):
                return before
            parent_id = before.parent_id
    message = _as_stored(thread.id, parent_id, newest).entity()
    add(work, thread, message)
    return message


def _as_stored(thread_id: uuid.UUID, parent_id: uuid.UUID | None, said: dict[str, Any]) -> NewMessage:
    content, words = said.get("content"), words_of(said)
    if isinstance(content, str) and words != content:
        content = [{"type": "text", "text": storable(content)}]
    parts = storable_json(content) if isinstance(content, list) else None
    return NewMessage(thread_id, parent_id, _role(said), storable(words), parts, "complete")


def _empty_answer(thread_id: uuid.UUID, said_id: uuid.UUID, model: str) -> NewMessage:
    return NewMessage(thread_id, said_id, "assistant", "", None, "streaming", model)


def _newest(messages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The last message; of several results of tools, the last one stands for the turn."""
    newest: dict[str, Any] = messages[-1]
    return newest


def _role(message: dict[str, Any]) -> str:
    role = message.get("role")
    return role if role in ROLES else "user"


def _title(said: dict[str, Any]) -> str:
    plain = MARKS.sub(lambda mark: mark[mark.lastindex] if mark.lastindex else "", words_of(said)[:BEGINNING])
    first = " ".join(storable(plain).split()) or UNTITLED
    return first if len(first) <= TITLE_LENGTH else first[:TITLE_LENGTH].rsplit(" ", 1)[0] + "…"
