"""Answers that are owed where a request came from: which are due, and how sending them ended."""

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gateway.core.clock import now
from gateway.core.errors import Invalid, NotFound, NotReady
from gateway.core.identity import Actor
from gateway.core.secrets import envelope
from gateway.core.secrets.envelope import Unreadable
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.chat import service_turns as turns
from gateway.features.connectors import service as connectors
from gateway.features.connectors import service_operations as operations
from gateway.features.connectors.schemas import OperationOut
from gateway.features.tasks import service as tasks

from . import queries
from .models import Hook, HookReply
from .schemas import ChatTurn, CreateTask
from .service_owner import NOT_IN_USE, acting
from .wishes import AnyAction

LEASE = timedelta(seconds=60)
"""How long a node has to send what it took."""

POST = "post_message"
"""The operation of connectors to chats that writes an answer."""

LONGEST_POST = 2000
"""Letters of an answer through a connector; Discord takes no more."""

OWN_FOR = timedelta(hours=1)
"""How long a hook knows its own words again, so that it does not answer itself."""

PAUSES_S = (2, 10, 60, 300)
"""How long is waited before an answer is sent again; then it is given up."""


@dataclass(frozen=True, slots=True)
class Owed:
    """An answer to be sent. Each try tells its `id`: one of which nothing was heard may have arrived."""

    id: uuid.UUID
    format: str
    url: str
    allowed_hosts: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Post:
    """An answer to be written into a channel, through a connector, in the name of `owner`.

    `key` is the same for every try until one is known to have failed: an answer is written once.
    """

    id: uuid.UUID
    task_id: uuid.UUID
    connector_id: uuid.UUID
    channel: str
    thread: str | None
    text: str
    key: str
    owner: Actor


def check_way(work: Work, action: AnyAction) -> None:
    """Raises Invalid for an answer through a connector that the caller does not see, or that posts no messages."""
    if not isinstance(action, CreateTask | ChatTurn) or action.reply is None or action.reply.through is None:
        return
    field = "action.reply.through.connector_id"
    try:
        connector = connectors.get(work, action.reply.through.connector_id)
    except NotFound as error:
        raise Invalid.field(field, "there is no such connector, or it is not yours") from error
    if POST not in connectors.operations_of(connector):
        raise Invalid.field(field, f"{connector.name} posts no messages; choose one of a chat")


def take(work: Work, keys: KeyStore, most: int) -> list[Owed | Post]:
    """Takes answers that are due; the turns of chats that they belong to are closed with it."""
    taken: list[Owed | Post] = []
    for reply in queries.owed(work.session, now(), most):
        text = _close(work, reply)
        url = _address(keys, reply)
        if reply.connector_id is not None:
            taken += _to_post(work, reply, text)
        elif reply.format is None:
            reply.status = "sent"
        elif url is None:
            _give_up(work, reply, "the address cannot be read any more: its master key is lost")
        else:
            reply.attempts += 1
            reply.next_at = now() + LEASE
            taken.append(Owed(reply.id, reply.format, url, tuple(reply.allowed_hosts), text))
    work.session.flush()
    return taken


def begin(work: Work, post: Post) -> OperationOut:
    """Has the connector write an answer, as far as its owner may; whoever calls carries it out. Raises GatewayError."""
    arguments = {"channel": post.channel, "text": post.text, **({"thread": post.thread} if post.thread else {})}
    with work.because("tasks", post.task_id, "it is its answer"):
        wish = operations.Wanted(POST, arguments, post.key, post.task_id)
        return OperationOut.model_validate(operations.begin(work, post.connector_id, wish, queued=False)[0])


def came_to(work: Work, operation_id: uuid.UUID) -> tuple[str, dict[str, Any]]:
    """The status of an operation that was begun, and its error."""
    row = operations.look(work, operation_id)
    return (row.status, row.error or {}) if row is not None else ("failed", {"message": "The connector is gone."})


def is_own(work: Work, hook: Hook, body: Any) -> bool:
    """Whether a request holds what the hook has written into the channel itself within the last hour."""
    if not (hook.action.get("reply") or {}).get("through"):
        return False
    said = queries.said_lately(work.session, hook.id, now() - OWN_FOR)
    return bool(said) and any(_digest(text) in said for text in _texts(body))


def sent(work: Work, reply_id: uuid.UUID) -> None:
    """An answer has arrived."""
    reply = work.session.get(HookReply, reply_id, with_for_update=True)
    if reply is not None and reply.status == "owed":
        reply.status, reply.error = "sent", None
        _tell(work, "hook.replied", reply)


def failed(work: Work, reply_id: uuid.UUID, reason: str, *, is_final: bool) -> None:
    """An answer has not arrived; it is sent again later, or given up."""
    reply = work.session.get(HookReply, reply_id, with_for_update=True)
    if reply is None or reply.status != "owed":
        return
    if is_final or reply.attempts > len(PAUSES_S):
        _give_up(work, reply, reason)
    else:
        reply.error = reason
        reply.next_at = now() + timedelta(seconds=PAUSES_S[reply.attempts - 1])


def _to_post(work: Work, reply: HookReply, text: str) -> list[Post]:
    hook = work.session.get(Hook, reply.hook_id)
    owner = acting(work, hook) if hook is not None else None
    if owner is None or reply.connector_id is None or reply.channel is None:
        _give_up(work, reply, NOT_IN_USE)
        return []
    if reply.attempts == 0 or reply.error is not None:  # else it is not known yet what came of the last try
        reply.attempts, reply.error = reply.attempts + 1, None
    reply.next_at = now() + LEASE
    text = text[:LONGEST_POST]
    reply.said = _digest(text)  # before it is sent: the service may tell of it at once
    key = f"hook reply {reply.id} {reply.attempts}"
    return [Post(reply.id, reply.task_id, reply.connector_id, reply.channel, reply.thread, text, key, owner)]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.strip().encode("utf-8", "replace")).digest()


def _texts(part: Any) -> Iterator[str]:
    """Every text in what was sent, however deep."""
    waiting = [part]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict | list):
            waiting += each.values() if isinstance(each, dict) else each


def _close(work: Work, reply: HookReply) -> str:
    """What the task has come to, as text; kept in the chat as its answer the first time."""
    task = tasks.look(work, reply.task_id)
    if task is None:
        text, is_well = "The task was deleted.", False
    elif is_well := task.status == "completed":
        text = task.output or "Done."
    else:
        text = f"It {task.status}: {task.error['message']}" if task.error else f"It {task.status}."
    if reply.turn is not None:
        turn = turns.Turn.of(reply.turn)
        error = None if is_well else {"code": task.status if task else "deleted", "message": text}
        status: turns.Ended = "complete" if is_well else "failed"
        turns.close_turn(work, turn, text=text if is_well else "", status=status, finish_reason="stop", error=error)
        reply.turn = None
    return text


def _address(keys: KeyStore, reply: HookReply) -> str | None:
    sealed = reply.sealed
    if sealed is None:
        return None
    try:
        place = envelope.place_of(HookReply.__tablename__, reply.id)
        return envelope.unseal(keys.get(sealed.kid), sealed, place)
    except (Unreadable, NotReady):
        return None


def _give_up(work: Work, reply: HookReply, reason: str) -> None:
    reply.status, reply.error = "failed", reason
    _tell(work, "hook.reply_failed", reply)


def _tell(work: Work, name: str, reply: HookReply) -> None:
    hook = work.session.get(Hook, reply.hook_id)
    if hook is not None:
        data = {"hook_id": str(hook.id), "name": hook.name, "attempts": reply.attempts, "error": reply.error}
        work.emit(name, owner_id=hook.owner_id, project_id=hook.project_id, task_id=reply.task_id, data=data)
