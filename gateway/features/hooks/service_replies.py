"""Answers that are owed where a request came from: which are due, and how sending them ended."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from gateway.core import envelope
from gateway.core.clock import now
from gateway.core.envelope import Sealed, Unreadable
from gateway.core.errors import NotReady
from gateway.core.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.chat import service_turns as turns
from gateway.features.tasks import service as tasks

from . import queries
from .models import Hook, HookReply

LEASE = timedelta(seconds=60)
"""How long a node has to send what it took."""

PAUSES_S = (2, 10, 60, 300)
"""How long is waited before an answer is sent again; then it is given up."""


@dataclass(frozen=True, slots=True)
class Owed:
    """An answer to be sent."""

    id: uuid.UUID
    format: str
    url: str
    allowed_hosts: tuple[str, ...]
    text: str


def take(work: Work, keys: KeyStore, most: int) -> list[Owed]:
    """Takes answers that are due; the turns of chats that they belong to are closed with it."""
    taken = []
    for reply in queries.owed(work.session, now(), most):
        text = _close(work, reply)
        url = _address(keys, reply)
        if reply.format is None:
            reply.status = "sent"
        elif url is None:
            _give_up(work, reply, "the address cannot be read any more: its master key is lost")
        else:
            reply.attempts += 1
            reply.next_at = now() + LEASE
            taken.append(Owed(reply.id, reply.format, url, tuple(reply.allowed_hosts), text))
    work.session.flush()
    return taken


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
        turn = turns.Turn(**{name: uuid.UUID(value) for name, value in reply.turn.items()})
        error = None if is_well else {"code": task.status if task else "deleted", "message": text}
        status: turns.Ended = "complete" if is_well else "failed"
        turns.close_turn(work, turn, text=text if is_well else "", status=status, finish_reason="stop", error=error)
        reply.turn = None
    return text


def _address(keys: KeyStore, reply: HookReply) -> str | None:
    if reply.secret_kid is None or reply.secret_key is None or reply.secret_ciphertext is None:
        return None
    sealed = Sealed(reply.secret_kid, reply.secret_key, reply.secret_ciphertext)
    try:
        place = envelope.place_of(HookReply.__tablename__, reply.id)
        return envelope.unseal(keys.get(reply.secret_kid), sealed, place)
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
