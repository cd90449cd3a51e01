"""The same done with many tasks: each as it would be by itself, and those that cannot be are told one by one."""

import uuid

from gateway.core.errors import GatewayError
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import service
from .schemas import BulkIn, BulkItem, BulkOut

ACTIONS = {"cancel": service.cancel, "retry": service.retry, "delete": service.remove}


def change(work: Work, wish: BulkIn) -> BulkOut:
    """Does it with every task that it can be done with. Rows are locked in the order of their ids, like everywhere."""
    work.allow(f"tasks.{wish.action}", Resource("tasks", listed=True))
    found = {task_id: _one(work, wish.action, task_id) for task_id in sorted(wish.ids)}
    return BulkOut(done=sum(item.ok for item in found.values()), items=[found[task_id] for task_id in wish.ids])


def _one(work: Work, action: str, task_id: uuid.UUID) -> BulkItem:
    try:
        with work.session.begin_nested():
            ACTIONS[action](work, task_id)
    except GatewayError as error:
        return BulkItem(id=task_id, ok=False, code=error.code, detail=error.detail)
    return BulkItem(id=task_id, ok=True)
