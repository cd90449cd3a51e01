"""What a task may not, by its owner's preferences and rights: asked when it is made, retried, released, and begun."""

import uuid
from collections.abc import Callable, Collection, Iterable

from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work
from gateway.features.preferences import constraints
from gateway.features.preferences import service as preferences
from gateway.features.preferences.constraints import Refusal
from gateway.features.preferences.resolution import Entry
from gateway.features.projects import service as projects

from .models import Task
from .schemas import TaskIn

LOST_CODE = "owner_not_allowed"


def check_new(work: Work, wish: TaskIn, project_id: uuid.UUID) -> None:
    """Raises Forbidden when the caller's preferences forbid the task. A prompt without network uses none of it."""
    asked_new(work, wish, project_id)()


def asked_new(work: Work, wish: TaskIn, project_id: uuid.UUID) -> Callable[[], None]:
    """Asks for `check_new`."""
    if wish.prompt is not None and not wish.network:
        return lambda: None
    owner_id = work.actor.user_id
    held = preferences.asked_constraints(work, owner_id, project_id)

    def check() -> None:
        found = constraints.check_task(
            held(),
            interpreter=wish.script.interpreter if wish.script else None,
            commands=wish.commands,
            network=wish.network,
        )
        preferences.refuse(work, "tasks.create", Resource("tasks", None, owner_id, project_id), found)

    return check


def check_again(work: Work, task: Task) -> None:
    """Raises Forbidden when the preferences of the task's owner forbid by now what it does."""
    preferences.refuse(work, "tasks.retry", task.as_resource, refusals(work, task))


def refusals_now(work: Work, tasks: Collection[Task]) -> dict[uuid.UUID, tuple[str, str]]:
    """Code and sentence for each task that its owner may not have run any more: asked as runs begin."""
    places: dict[tuple[uuid.UUID, uuid.UUID], list[Task]] = {}
    for task in tasks:
        places.setdefault((task.owner_id, task.project_id), []).append(task)
    asked = [
        (some, projects.lost_right(work, *place, "tasks.create"),
         preferences.constraints_of_tasks(work, *place, [task.id for task in some]))
        for place, some in places.items()
    ]  # fmt: skip
    found = {}
    for some, lost, held in asked:
        reason = lost()
        for task in some:
            if reason:
                found[task.id] = (LOST_CODE, f"Its owner may not run it any more: {reason}.")
            elif refused := _refusals(task, held(task.id)):
                found[task.id] = (constraints.FORBIDDEN, refused[0].sentence)
    return found


def refusals(work: Work, task: Task) -> list[Refusal]:
    """What the preferences of its owner, its project and its own forbid about a task."""
    return _refusals(task, preferences.constraints(work, task.owner_id, task.project_id, task.id))


def _refusals(task: Task, held: Iterable[Entry]) -> list[Refusal]:
    return constraints.check_task(
        held,
        interpreter=(task.script or {}).get("interpreter"),
        commands=task.commands,
        network=task.network,
    )
