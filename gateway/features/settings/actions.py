"""The actions of settings."""

from gateway.core.resources import names

ACTIONS = {
    "settings.read": "See the operator's settings",
    "settings.write": "Change one, or return it to its default",
}

RESOURCES = (names("settings"),)
