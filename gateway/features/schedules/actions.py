"""What can be done with schedules."""

from gateway.core.resources import rows

from .models import Schedule

ACTIONS = {
    "schedules.read": "See schedules, their history and what comes next",
    "schedules.create": "Create a schedule, import a crontab",
    "schedules.update": "Change a schedule, skip its next run",
    "schedules.enable": "Let a schedule run from now on",
    "schedules.disable": "Stop a schedule",
    "schedules.run": "Run a schedule now",
    "schedules.delete": "Delete a schedule with its history",
}

RESOURCES = (rows("schedules", Schedule, listed=("schedules.read",)),)
