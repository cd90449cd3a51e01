"""What a hook wants done: tried when the hook is made, and filled in for a request when one comes."""

from collections.abc import Collection, Mapping
from typing import Any, assert_never

from pydantic import ConfigDict, ValidationError

from gateway.core.clock import now
from gateway.core.errors import Invalid
from gateway.core.findings import findings
from gateway.core.schemas import In
from gateway.features.tasks.schemas import TaskIn

from . import rendering
from .models import Hook
from .requests import Received
from .schemas import ACTION, AppendMessage, ChatTurn, CreateTask, EmitEvent, RunSchedule

AnyAction = CreateTask | RunSchedule | AppendMessage | EmitEvent | ChatTurn


class _Data(In):
    """An event's data: anything that can be stored."""

    model_config = ConfigDict(extra="allow")


def action_of(hook: Hook) -> AnyAction:
    """The hook's action, as it was given."""
    return ACTION.validate_python(hook.action)


def check(hook_name: str, action: AnyAction) -> None:
    """Tries an action on a request that has everything, and holds it to the schema of what it makes. Raises Invalid."""
    if isinstance(action, CreateTask):
        about = rendering.any_request(hook_name)
        made = {
            name: value for field, part in action.task.items() for name, value in _tried(field, part, about).items()
        }
        _task(made, but=set(rendering.templated(action.task)))


def try_sample(hook: Hook) -> None:
    """Fills the action in for the hook's own sample, which is there for that. Raises Invalid."""
    if hook.sample is not None:
        about = sample_context(hook, hook.sample)
        if rendering.is_wanted(hook.condition, about):
            filled_in(hook, about)


def sample_context(hook: Hook, sample: Mapping[str, Any]) -> dict[str, Any]:
    """What templates see of a made-up request."""
    headers = {name.lower(): value for name, value in (sample.get("headers") or {}).items()}
    received = Received(headers, sample.get("query") or {}, b"", None, now())
    return rendering.context(str(hook.id), hook.name, received, sample.get("body"))


def filled_in(hook: Hook, about: Mapping[str, Any]) -> AnyAction:
    """The action for a request: its texts are no templates any more. Raises Invalid that names the field."""
    action = action_of(hook)
    match action:
        case CreateTask():
            wish = rendering.task(action.task, about)
            if hook.project_id is not None:
                wish.setdefault("project_id", str(hook.project_id))
            task = _task(wish)
            plain = task.model_dump(mode="json", exclude_unset=True) if task else {}
            return CreateTask.model_construct(kind=action.kind, task=plain, reply=action.reply)
        case EmitEvent():
            data = _storable(rendering.data("action.data", action.data, about))
            return action.model_copy(update={"data": data})
        case AppendMessage():
            return action.model_copy(update={"text": _text(action.text, about)})
        case ChatTurn():
            chat = rendering.text("action.chat", action.chat, about)[:200] if action.chat else None
            return action.model_copy(update={"text": _text(action.text, about), "chat": chat})
        case RunSchedule():
            return action
        case _:
            assert_never(action)


def task_of(action: CreateTask) -> TaskIn:
    """The task of an action that was filled in."""
    return TaskIn.model_validate(action.task)


def _text(source: str, about: Mapping[str, Any]) -> str:
    text = rendering.text("action.text", source, about)
    if not text.strip():
        raise Invalid.field("action.text", "it is empty for this request", code="template_failed")
    return text


def _tried(field: str, part: Any, about: Mapping[str, Any]) -> dict[str, Any]:
    """A field of a task for a made-up request; left out where it needs a real one, such as `{{ body.count - 1 }}`."""
    try:
        return rendering.task({field: part}, about)
    except Invalid as error:
        if "does not fit" not in error.detail:
            raise
        return {field: "sample"}


def _task(wish: Mapping[str, Any], *, but: Collection[str] = ()) -> TaskIn | None:
    """The task, held to the schema of tasks; what is wrong at the paths of `but` is let pass. Raises Invalid."""
    try:
        return TaskIn.model_validate(wish)
    except ValidationError as error:
        found = findings(error)
    wrong = [
        (f"action.task.{path}".rstrip("."), message)
        for path, message in found
        if not any(_touch(path, templated) for templated in but)
    ]
    if not wrong:
        return None
    raise Invalid.fields(wrong, code="template_failed")


def _touch(path: str, other: str) -> bool:
    """Whether one of two dotted paths leads to the other, or into it."""
    return bool(path) and (f"{path}.".startswith(f"{other}.") or f"{other}.".startswith(f"{path}."))


def _storable(data: dict[str, Any]) -> dict[str, Any]:
    try:
        return _Data.model_validate(data).model_dump(mode="json")
    except ValidationError as error:
        raise Invalid.fields(findings(error, "action", "data"), code="template_failed") from error
