"""What can be done with tasks."""

from gateway.core.resources import rows

from .models import Task

ACTIONS = {
    "tasks.create": "Submit a task",
    "tasks.read": "See tasks, their results and logs",
    "tasks.update": "Change a task, add files to it",
    "tasks.cancel": "Cancel a task",
    "tasks.retry": "Run a task again",
    "tasks.delete": "Delete a finished task",
}

RESOURCES = (rows("tasks", Task, listed=("tasks.read",)),)
