"""What can be done with retention policies."""

from gateway.core.resources import rows

from .models import RetentionPolicy

ACTIONS = {
    "retention_policies.read": "See retention policies and what is kept",
    "retention_policies.create": "Set a retention policy",
    "retention_policies.update": "Change a retention policy",
    "retention_policies.delete": "Remove a retention policy",
    "retention_policies.preview": "See what a retention policy would purge",
    "retention_policies.apply": "Purge by a retention policy at once",
    "retention_policies.purge": "Purge by a policy, as nodes do",
}

RESOURCES = (rows("retention_policies", RetentionPolicy, listed=("retention_policies.read",)),)
