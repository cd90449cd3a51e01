"""What a task may not, by its owner's preferences and rights: asked when it is made, retried, released, and begun."""

import uuid

from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work
from gateway.features.preferences import constraints
from gateway.features.preferences import service as preferences
from gateway.features.preferences.constraints import Refusal
from gateway.features.projects import service as projects

from .models import Task
from .schemas import TaskIn

CODE = "forbidden_by_preference"
LOST_CODE = "owner_not_allowed"


def check_new(work: Work, wish: TaskIn, project_id: uuid.UUID) -> None:
    """Raises Forbidden when the caller's preferences forbid the task. A prompt without network uses none of it."""
    if wish.prompt is not None and not wish.network:
        return
    owner_id = work.actor.user_id
    found = constraints.check_task(
        preferences.constraints(work, owner_id, project_id),
        interpreter=wish.script.interpreter if wish.script else None,
        commands=wish.commands,
        network=wish.network,
    )
    preferences.refuse(work, "tasks.create", Resource("tasks", None, owner_id, project_id), found)


def check_again(work: Work, task: Task) -> None:
    """Raises Forbidden when the preferences of the task's owner forbid by now what it does."""
    resource = Resource("tasks", task.id, task.owner_id, task.project_id)
    preferences.refuse(work, "tasks.retry", resource, refusals(work, task))


def refusal_now(work: Work, task: Task) -> tuple[str, str] | None:
    """Code and sentence, when the task's owner may not have it run any more: asked as each run begins."""
    if lost := projects.lost_right(work, task.owner_id, task.project_id, "tasks.create"):
        return LOST_CODE, f"Its owner may not run it any more: {lost}."
    if found := refusals(work, task):
        return CODE, f"{found[0].message[0].upper()}{found[0].message[1:]}."
    return None


def refusals(work: Work, task: Task) -> list[Refusal]:
    """What the preferences of its owner, its project and its own forbid about a task."""
    return constraints.check_task(
        preferences.constraints(work, task.owner_id, task.project_id, task.id),
        interpreter=(task.script or {}).get("interpreter"),
        commands=task.commands,
        network=task.network,
    )
