"""What may be done to accounts, sessions and tokens, for the catalogue of actions."""

from dataclasses import replace

from gateway.core.resources import rows

from . import service
from .models import ApiToken, AuthSession, User

ACTIONS: dict[str, str] = {
    "self.read": "See your own account, your sessions and your API tokens",
    "self.update": "Change your own account and password",
    "self.logout": "Sign out",
    "self.end_session": "End one of your own sessions",
    "self.create_token": "Create an API token",
    "self.update_token": "Rename an API token",
    "self.revoke_token": "Revoke an API token",
    "users.read": "See accounts, their sessions and their API tokens",
    "users.create": "Create an account",
    "users.update": "Change an account",
    "users.enable": "Let an account sign in again",
    "users.disable": "Lock an account out",
    "users.revoke_sessions": "End an account's sessions and API tokens",
    "users.reset_password": "Set an account's password",
}

RECORDED = {
    "auth.login": "Sign in",
    "auth.refresh": "Trade a refresh token",
    "auth.code": "Ask for a one-time code, or try one that is wrong",
}

RESOURCES = (
    replace(rows("users", User, listed=("users.read",)), further=service.managing),
    rows("sessions", AuthSession),
    rows("tokens", ApiToken),
)
