"""What its owner's preferences forbid a task: asked when it is made, retried, and released from waiting."""

import uuid

from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work
from gateway.features.preferences import constraints
from gateway.features.preferences import service as preferences
from gateway.features.preferences.constraints import Refusal

from .models import Task
from .schemas import TaskIn

CODE = "forbidden_by_preference"


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


def refusals(work: Work, task: Task) -> list[Refusal]:
    """What the preferences of its owner, its project and its own forbid about a task."""
    return constraints.check_task(
        preferences.constraints(work, task.owner_id, task.project_id, task.id),
        interpreter=(task.script or {}).get("interpreter"),
        commands=task.commands,
        network=task.network,
    )
