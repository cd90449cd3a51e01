"""What can be done with projects."""

from gateway.core.resources import rows

from .models import Project

ACTIONS = {
    "projects.read": "See projects",
    "projects.create": "Create a project",
    "projects.update": "Change a project",
    "projects.delete": "Delete a project that nothing refers to",
}

RESOURCES = (rows("projects", Project, listed=("projects.read",)),)
