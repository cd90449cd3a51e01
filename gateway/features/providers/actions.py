"""What can be done with providers and their models, for the catalogue of actions."""

from gateway.core.resources import names

ACTIONS: dict[str, str] = {
    "models.read": "See the models that can be named",
    "models.use": "Have a model answer",
    "providers.create": "Add a model server",
    "providers.read": "See model servers",
    "providers.update": "Change a model server",
    "providers.delete": "Remove a model server",
    "providers.test": "Try whether a model server answers",
}

RESOURCES = (names("providers"), names("models", listed=("models.read",)))
