"""What can be done with access."""

from gateway.core.resources import names, rows

from .models import RoleBinding

ACTIONS = {
    "access.explain": "Ask why somebody may or may not do something",
    "access.read_actions": "See the catalogue of actions",
    "groups.create": "Create a group",
    "groups.read": "See groups and their members",
    "groups.update": "Change a group",
    "groups.delete": "Delete a group",
    "groups.add_member": "Add a user to a group",
    "groups.update_member": "Enable or disable a group's member, or set their external id",
    "groups.remove_member": "Take a user out of a group",
    "roles.create": "Create a role",
    "roles.read": "See roles",
    "roles.update": "Change a role",
    "roles.delete": "Delete a role",
    "role_bindings.create": "Give a role to a user or group",
    "role_bindings.read": "See who holds which role",
    "role_bindings.update": "Change a role binding",
    "role_bindings.delete": "Take a role away",
    "policy_rules.create": "Write a policy rule",
    "policy_rules.read": "See policy rules",
    "policy_rules.update": "Change a policy rule",
    "policy_rules.delete": "Delete a policy rule",
}

RESOURCES = (
    rows("role_bindings", RoleBinding, is_owned=False, listed=("role_bindings.read",)),
    *(names(kind) for kind in ("access", "groups", "roles", "policy_rules")),
)
