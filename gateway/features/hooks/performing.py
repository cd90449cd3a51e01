"""Does what a hook is for, in the name of whoever the unit of work acts as, and says that the hook was the cause."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from gateway.core.clock import new_id
from gateway.core.secrets.key_store import KeyStore
from gateway.core.secrets.redaction import redact
from gateway.core.unit_of_work import Work
from gateway.features.agents import service as agents
from gateway.features.agents import service_chat
from gateway.features.chat import service as chat
from gateway.features.chat import service_turns as turns
from gateway.features.chat.schemas import MessageIn
from gateway.features.credentials import service_keys
from gateway.features.schedules import service as schedules
from gateway.features.settings import service as settings
from gateway.features.tasks import service as tasks

from . import rendering, service, wishes
from .models import Hook, HookReply
from .schemas import AppendMessage, ChatTurn, CreateTask, EmitEvent, Reply, RunSchedule, Through
from .wishes import AnyAction

AGENT = "orchestrator"


@dataclass(frozen=True, slots=True)
class Made:
    """What an action made: its ids by name; and in which shape somebody, who waits for a word or not, is answered."""

    ids: dict[str, uuid.UUID] = field(default_factory=dict)
    format: str | None = None
    is_awaited: bool = False

    @property
    def task_id(self) -> uuid.UUID | None:
        """The task, if there is one."""
        return self.ids.get("task_id")


def perform(
    work: Work, keys: KeyStore, hook: Hook, request_id: uuid.UUID, action: AnyAction, whole: Mapping[str, Any]
) -> Made:
    """Does an action that was filled in; `whole` is what the reply's address is made of. Raises GatewayError."""
    with work.because("hooks", hook.id, f"request {request_id}"):
        match action:
            case CreateTask():
                task_id = tasks.create(work, wishes.task_of(action)).id
                return _made_task(work, keys, hook, task_id, action.reply, None, whole)
            case ChatTurn():
                task_id, turn = _ask(work, hook, action)
                return _made_task(work, keys, hook, task_id, action.reply, turn, whole)
            case AppendMessage():
                source = f"hook:{hook.name}"
                message = chat.add_message(work, action.thread_id, MessageIn(text=action.text), source)
                return Made({"thread_id": action.thread_id, "message_id": message.id})
            case EmitEvent():
                service.check_still_allowed(work, hook)  # of what the others make, its room decides
                about = {**action.data, "hook_id": str(hook.id), "request_id": str(request_id)}
                work.emit(
                    action.name, owner_id=hook.owner_id, project_id=hook.project_id, tags=tuple(action.tags), data=about
                )
                return Made()
            case RunSchedule():
                return _run(work, hook, action)
            case _:
                assert_never(action)


def _run(work: Work, hook: Hook, action: RunSchedule) -> Made:
    """Fires a schedule; one whose policy on overlap lets it wait has no task yet."""
    fired = schedules.run_now(work, action.schedule_id, cause=f"hook:{hook.name}")
    ids = {"schedule_id": action.schedule_id}
    if fired.task_id is not None:
        agents.fed_by(work, fired.task_id, [f"hook:{hook.name}"])
        ids["task_id"] = fired.task_id
    return Made(ids)


def _ask(work: Work, hook: Hook, action: ChatTurn) -> tuple[uuid.UUID, turns.Turn]:
    """A turn of the chat named by the action, or of one for all that comes to the hook."""
    text = redact(action.text).text
    place = turns.Place(hook.project_id, client_chat_id=f"hook {hook.id} {action.chat or ''}".strip())
    turn, messages = turns.open_next(work, text, AGENT, place, f"hook:{hook.name}")
    longest_s = settings.value(work, "chat.timeout_s")
    task_id = service_chat.begin(work, messages, text, turn.thread_id, turn.project_id, longest_s)
    turns.name_task(work, turn, task_id)
    return task_id, turn


def _made_task(
    work: Work, keys: KeyStore, hook: Hook, task_id: uuid.UUID, reply: Reply | None, turn: turns.Turn | None,
    whole: Mapping[str, Any],
) -> Made:  # fmt: skip
    agents.fed_by(work, task_id, [f"hook:{hook.name}"])
    url = rendering.text("action.reply.url", reply.url, whole).strip() if reply and reply.url else ""
    way = _way(reply.through, whole) if reply and reply.through and not url else {}
    if url or way or turn is not None:
        _owe(work, keys, hook, task_id, reply if url else None, url, turn, way)
    return Made({"task_id": task_id}, reply.format if reply and reply.format != "json" else None, bool(url))


def _way(through: Through, whole: Mapping[str, Any]) -> dict[str, Any]:
    """The connector, channel and thread of an answer; nothing, where the request knows no channel."""
    place = "action.reply.through"
    channel = rendering.text(f"{place}.channel", through.channel, whole).strip()[:255]
    thread = rendering.text(f"{place}.thread", through.thread, whole).strip()[:255] if through.thread else ""
    return {"connector_id": through.connector_id, "channel": channel, "thread": thread or None} if channel else {}


def _owe(
    work: Work, keys: KeyStore, hook: Hook, task_id: uuid.UUID, reply: Reply | None, url: str, turn: turns.Turn | None,
    way: dict[str, Any],
) -> None:  # fmt: skip
    owed = HookReply(
        id=new_id(), hook_id=hook.id, task_id=task_id, format=reply.format if reply else None,
        allowed_hosts=reply.allowed_hosts if reply else [], turn=turn.plain() if turn else None,
        sealed=None, error=None, **way,
    )  # fmt: skip
    if url:
        owed.sealed = service_keys.seal(work, keys, HookReply.__tablename__, owed.id, url)
    work.session.add(owed)
    work.session.flush()
