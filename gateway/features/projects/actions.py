"""What can be done with projects."""

ACTIONS = {
    "projects.read": "See projects",
    "projects.create": "Make a project",
    "projects.update": "Change a project",
    "projects.delete": "Delete a project that nothing refers to",
}
