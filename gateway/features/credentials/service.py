"""Rules of credentials: the only writer of their table. A secret comes out to be used, never to be shown."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, update

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.errors import Conflict, NotFound
from gateway.core.policy import Resource
from gateway.core.secrets import envelope
from gateway.core.secrets.envelope import Unreadable
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.projects import service as projects

from . import queries, service_keys
from .models import Credential
from .schemas import CredentialIn, CredentialPatch, CredentialQuery

_CREDENTIALS = Base.metadata.tables[Credential.__tablename__]


@dataclass(frozen=True)
class Stamp:
    """When a credential's secret was last replaced, and whether it may be used: what makes an opened one stale."""

    changed_at: datetime
    is_active: bool


def create(work: Work, keys: KeyStore, wish: CredentialIn) -> Credential:
    """Keeps a secret. Raises Conflict for a name the caller uses already, Invalid for a project that is not theirs."""
    owner_id = work.actor.user_id
    if wish.project_id is not None:
        projects.for_new_work(work, wish.project_id, "credentials.create")
    else:
        work.allow("credentials.create", Resource("credentials", None, owner_id))
    _check_name(work, owner_id, wish.name, None)
    credential_id = new_id()
    sealed = service_keys.seal(work, keys, _CREDENTIALS.name, credential_id, wish.secret.get_secret_value())
    credential = Credential(
        id=credential_id, owner_id=owner_id, project_id=wish.project_id, name=wish.name, kind=wish.kind,
        description=wish.description, metadata_=wish.metadata, secret_ciphertext=sealed.ciphertext,
        secret_key=sealed.wrapped_key, secret_kid=sealed.kid,
    )  # fmt: skip
    work.session.add(credential)
    work.session.flush()
    _tell(work, "credential.created", credential)
    return credential


def visible(work: Work, query: CredentialQuery) -> Select[Credential]:
    """The credentials the caller may see, to be paged."""
    work.allow("credentials.read", Resource("credentials", listed=True))
    return queries.filtered(work.actor, query)


def get(work: Work, credential_id: uuid.UUID) -> Credential:
    """One credential. Raises NotFound."""
    return _find(work, "credentials.read", credential_id)


def for_change(work: Work, credential_id: uuid.UUID, action: str = "credentials.update") -> Credential:
    """One credential, locked, to be changed by `action`. Raises NotFound."""
    return _find(work, action, credential_id, lock=True)


def change(work: Work, credential: Credential, patch: CredentialPatch) -> Credential:
    """Changes what can be read of a credential, as `for_change` gave it. Raises Conflict for a taken name."""
    given = {name: value for name, value in patch if name in patch.model_fields_set and value is not None}
    if "name" in given:
        _check_name(work, credential.owner_id, given["name"], credential.id)
    for name, value in given.items():
        setattr(credential, "metadata_" if name == "metadata" else name, value)
    work.session.flush()
    _tell(work, "credential.updated", credential)
    return credential


def rotate(work: Work, keys: KeyStore, credential: Credential, secret: str) -> Credential:
    """Replaces the secret, as `for_change` gave the credential; the old one is gone."""
    sealed = service_keys.seal(work, keys, _CREDENTIALS.name, credential.id, secret)
    credential.secret_ciphertext, credential.secret_key = sealed.ciphertext, sealed.wrapped_key
    credential.secret_kid, credential.rotated_at = sealed.kid, now()
    work.session.flush()
    _tell(work, "credential.rotated", credential)
    return credential


def set_active(work: Work, credential: Credential, active: bool) -> Credential:
    """Lets a credential be used, or no more, as `for_change` gave it."""
    if credential.is_active != active:
        credential.is_active = active
        work.session.flush()
        _tell(work, "credential.enabled" if active else "credential.disabled", credential)
    return credential


def remove(work: Work, credential_id: uuid.UUID) -> None:
    """Deletes a credential for good. Raises NotFound, and Conflict naming what still refers to it."""
    credential = for_change(work, credential_id, "credentials.delete")
    if users := queries.providers_with(work.session, credential_id):
        raise Conflict(
            f"Providers use this credential: {', '.join(users)}. Give them another one, or delete them first.",
            code="in_use",
        )
    work.session.delete(credential)
    work.session.flush()
    _tell(work, "credential.deleted", credential)


def check_use(work: Work, credential_id: uuid.UUID) -> Credential:
    """A credential that the caller may have something use; asked by rooms before they refer to it. Raises NotFound."""
    return _find(work, "credentials.use", credential_id)


def stamps(work: Work, credential_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Stamp]:
    """What tells whether secrets are still those of before; for rooms whose nodes hold some open."""
    return {row.id: Stamp(row.rotated_at or row.created_at, row.is_active)
            for row in queries.by_ids(work.session, credential_ids)}  # fmt: skip


def use(work: Work, keys: KeyStore, credential_id: uuid.UUID, purpose: str) -> str:
    """The secret, for a `purpose` such as "the provider openai". Recorded with whose it is, and the time is kept.

    Raises NotFound for one that is gone, Conflict for one that is disabled or was changed behind the gateway's back,
    NotReady when its master key is lost.
    """
    credential = queries.one(work.session, work.actor, credential_id)
    if credential is None:
        raise NotFound("The credential no longer exists; name another one.")
    about = credential.as_resource
    if not credential.is_active:
        work.record("credentials.use", about, allowed=False, reason=f"it is disabled; wanted by {purpose}")
        raise Conflict(f"The credential {credential.name} is disabled; enable it or name another one.")
    try:
        secret = envelope.unseal(
            keys.get(credential.secret_kid), credential.sealed, envelope.place_of(_CREDENTIALS.name, credential.id)
        )
    except Unreadable as error:
        raise Conflict(
            f"The credential {credential.name} was changed behind the gateway's back and opens no more;"
            " give it a new secret."
        ) from error
    work.record("credentials.use", about, allowed=True, reason=f"for {purpose}, on behalf of its owner")
    touch = update(_CREDENTIALS).where(_CREDENTIALS.c.id == credential.id)
    work.session.execute(touch.values(last_used_at=now(), updated_at=_CREDENTIALS.c.updated_at))
    return secret


def _find(work: Work, action: str, credential_id: uuid.UUID, *, lock: bool = False) -> Credential:
    credential = queries.one(work.session, work.actor, credential_id, lock=lock)
    if credential is None:
        raise NotFound("There is no such credential, or it is not yours.")
    work.allow(action, credential.as_resource)
    return credential


def _check_name(work: Work, owner_id: uuid.UUID, name: str, but: uuid.UUID | None) -> None:
    if queries.name_is_taken(work.session, owner_id, name, but):
        raise Conflict(f"There is a credential {name!r} already; choose another name, or rotate that one.")


def _tell(work: Work, name: str, credential: Credential) -> None:
    about = {"credential_id": str(credential.id), "name": credential.name, "kind": credential.kind}
    work.emit(name, owner_id=credential.owner_id, project_id=credential.project_id, data=about)
