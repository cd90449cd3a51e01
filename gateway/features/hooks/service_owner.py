"""In whose name a hook acts: its owner's, and that of the API token by which they said what it does."""

import uuid
from dataclasses import replace

from gateway.core.identity import Actor
from gateway.core.unit_of_work import Work
from gateway.features.identity import service as identity

from .models import Hook

NOT_IN_USE = "the account of its owner is disabled, or the API token that said what it does was revoked"


def acting(work: Work, hook: Hook) -> Actor | None:
    """The owner with the rights of now, and no more than those of that token; None as `NOT_IN_USE` says."""
    owner = identity.agent_of(work, hook.owner_id, hook.by_token)
    return owner and replace(owner, via="hook")


def token_of(work: Work) -> uuid.UUID | None:
    """The API token that says what a hook does; None for a caller who is signed in."""
    return work.actor.credential_id if work.actor.via == "token" else None
