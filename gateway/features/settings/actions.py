"""The actions of settings."""

ACTIONS = {
    "settings.read": "See the operator's settings",
    "settings.write": "Change one, or return it to its default",
}
