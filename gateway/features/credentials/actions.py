"""What can be done with credentials, for the catalogue of actions."""

from gateway.core.resources import rows

from .models import Credential

ACTIONS: dict[str, str] = {
    "credentials.create": "Keep a secret",
    "credentials.read": "See what a credential is for, never its secret",
    "credentials.update": "Change a credential's name, description or metadata",
    "credentials.rotate": "Replace a credential's secret",
    "credentials.disable": "Stop a credential from being used",
    "credentials.enable": "Let a credential be used again",
    "credentials.delete": "Delete a credential that nothing refers to",
    "credentials.use": "Have the gateway send a credential's secret to the service it is for",
    "credentials.read_keys": "See master keys and whether a recovery key was made",
    "credentials.rotate_keys": "Change the master key",
    "credentials.create_recovery_kit": "Create a new recovery key, which ends the one before",
    "credentials.recover_keys": "Restore master keys by the recovery key",
}

RESOURCES = (rows("credentials", Credential, listed=("credentials.read",)),)
