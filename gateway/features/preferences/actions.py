"""What can be done with preferences."""

from gateway.core.resources import Kind

from . import service

ACTIONS = {
    "preferences.read": "See preferences, their history, and which of them count",
    "preferences.write": "Set a preference of one's own, of a project or of a task",
    "preferences.delete": "Delete a preference of one's own, of a project or of a task",
    "preferences.write_shared": "Set a preference of a group or of the whole system",
    "preferences.delete_shared": "Delete a preference of a group or of the whole system",
}

RESOURCES = (Kind("preferences", service.described, listed=("preferences.read",)),)
