"""Master keys: which is current, its rotation in small steps, the recovery key. The only writer of their tables."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, bindparam, update
from sqlalchemy.dialects.postgresql import insert

from gateway.core.clock import now
from gateway.core.errors import Conflict, Forbidden, Invalid
from gateway.core.policy import Resource
from gateway.core.secrets import envelope, recovery
from gateway.core.secrets.envelope import Unreadable
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work

from . import queries
from .models import MasterKey, RecoveryKey

BATCH = 100
"""Secrets that one step of a rotation rewraps: their rows are locked for some milliseconds."""

BY_PERSON = ("console", "login", "system")
"""Ways in by which a recovery key is given out: an API token, which scripts hold, is none of them."""

_KEYS = Resource("credentials")


@dataclass(frozen=True)
class KeyState:
    """A master key as `app.py key status` shows it: where it lies here, and how many secrets it wraps."""

    kid: str
    state: str
    places: list[str]
    secrets: int
    recoverable: bool
    created_at: datetime


@dataclass(frozen=True)
class Finished:
    """The end of a rotation: the keys it retired, and how many secrets no reachable key opens."""

    retired: list[str]
    unreadable: int


def for_sealing(work: Work, keys: KeyStore) -> envelope.MasterKey:
    """The current master key, which stays current until this unit of work ends; made when there was none yet.

    Raises NotReady when it is lost; a new one never takes its place by itself.
    """
    if queries.current_key(work.session) is None:
        queries.hold_keys(work.session, alone=True)
        if queries.current_key(work.session) is None:
            return _make_current(work, keys)
    queries.hold_keys(work.session, alone=False)
    current = queries.current_key(work.session)
    assert current is not None
    return keys.get(current.kid)


def begin_rotation(work: Work, keys: KeyStore, *, leave_unreadable: bool = False) -> str:
    """Makes a new key current, or goes on with a rotation that was cut short; returns the current key's id.

    Raises Conflict when there is no key yet, and NotReady when the present one is lost, unless secrets under it
    shall be left behind.
    """
    work.allow("credentials.rotate_keys", _KEYS)
    queries.hold_keys(work.session, alone=True)
    current = queries.current_key(work.session)
    if current is None:
        raise Conflict("There is no master key yet; the first credential makes one.")
    if any(keys.has(key.kid) for key in queries.keys(work.session, "retiring")) and keys.has(current.kid):
        return current.kid
    if not leave_unreadable:
        keys.get(current.kid)
    current.state = "retiring"
    work.session.flush()
    return _make_current(work, keys).kid


def rewrap_some(work: Work, keys: KeyStore, most: int = BATCH) -> int:
    """Rewraps up to `most` secrets under the current key; returns how many those were.

    What others have locked is passed over, and what no reachable key opens is left as it is.
    """
    work.allow("credentials.rotate_keys", _KEYS)
    current = for_sealing(work, keys)
    old = {key.kid: keys.get(key.kid) for key in queries.keys(work.session, "retiring") if keys.has(key.kid)}
    done = 0
    for table in queries.sealed_tables():
        done += _rewrap_in(work, table, old, current, most - done)
    return done


def _rewrap_in(
    work: Work, table: Table, old: dict[str, envelope.MasterKey], current: envelope.MasterKey, most: int
) -> int:
    changes = []
    for row_id, kid, wrapped, ciphertext in queries.to_rewrap(work.session, table, list(old), most):
        sealed = envelope.Sealed(kid, wrapped, ciphertext)
        try:
            renewed = envelope.rewrap(old[kid], current, sealed, envelope.place_of(table.name, row_id))
        except Unreadable as error:
            raise Conflict(
                f"The secret of {row_id} in {table.name} was changed behind the gateway's back and opens no more; give"
                " it a new secret or delete it, then run `app.py key rotate` again."
            ) from error
        changes.append({"of": row_id, "kid": renewed.kid, "wrapped": renewed.wrapped_key})
    if changes:  # past the ORM: neither version nor time of change is the owner's business here
        kept = {"updated_at": table.c.updated_at} if "updated_at" in table.c else {}
        renew = update(table).where(table.c.id == bindparam("of"))
        work.session.execute(
            renew.values(secret_kid=bindparam("kid"), secret_key=bindparam("wrapped"), **kept), changes
        )
    return len(changes)


def finish_rotation(work: Work, keys: KeyStore) -> Finished | None:
    """Retires the keys that wrap nothing any more; None while some secret still waits to be rewrapped."""
    work.allow("credentials.rotate_keys", _KEYS)
    queries.hold_keys(work.session, alone=True)
    wraps = queries.sealed_by(work.session)
    retired, unreadable = [], 0
    for key in queries.keys(work.session, "retiring"):
        if not wraps.get(key.kid):
            key.state, key.retired_at = "retired", now()
            retired.append(key.kid)
        elif keys.has(key.kid):
            return None
        else:
            unreadable += wraps[key.kid]
    for kid in retired:
        work.emit("master_key.retired", data={"key_id": kid})
    return Finished(retired, unreadable)


def status(work: Work, keys: KeyStore) -> list[KeyState]:
    """All master keys, the newest first."""
    work.allow("credentials.read_keys", _KEYS)
    wraps = queries.sealed_by(work.session)
    return [
        KeyState(
            key.kid, key.state, keys.places_of(key.kid), wraps.get(key.kid, 0), key.sealed_for_recovery is not None,
            key.created_at,
        )
        for key in queries.keys(work.session, "current", "retiring", "retired")
    ]  # fmt: skip


def kit_made_at(work: Work) -> datetime | None:
    """When the recovery key was made; None when there is none."""
    work.allow("credentials.read_keys", _KEYS)
    known = queries.recovery_key(work.session)
    return known.created_at if known else None


def has_kit(work: Work) -> bool:
    """Whether there is a recovery key; for other rooms that have decided already who may ask."""
    return queries.recovery_key(work.session) is not None


def make_kit(work: Work, keys: KeyStore) -> tuple[str, datetime]:
    """A new recovery key, returned this once, and when it was made; the one before opens nothing any more.

    Raises Forbidden for anyone but an owner who signed in, NotReady when a master key in use is lost.
    """
    work.allow("credentials.create_recovery_kit", _KEYS)
    if work.actor.via not in BY_PERSON or "owner" not in work.actor.roles:
        reason = "Only an owner who signed in, not an API token, may make a recovery key; sign in to the console."
        work.record("credentials.create_recovery_kit", _KEYS, allowed=False, reason="no owner who signed in")
        raise Forbidden(reason)
    queries.hold_keys(work.session, alone=True)
    written, public = recovery.new_pair()
    for key in queries.keys(work.session, "current", "retiring"):
        key.sealed_for_recovery = recovery.seal_for(public, keys.get(key.kid))
    for key in queries.keys(work.session, "retired"):
        key.sealed_for_recovery = recovery.seal_for(public, keys.get(key.kid)) if keys.has(key.kid) else None
    made_at = now()
    row = {"id": 1, "public_key": public, "created_at": made_at}
    work.session.execute(insert(RecoveryKey).values(row).on_conflict_do_update(index_elements=["id"], set_=row))
    work.emit("recovery_kit.created", data={})
    return written, made_at


def recover(work: Work, keys: KeyStore, recovery_key: str) -> list[str]:
    """Puts every master key that the recovery key opens back where keys are kept; returns their ids.

    Raises Invalid for a mistyped or replaced recovery key, Conflict where none was made.
    """
    work.allow("credentials.recover_keys", _KEYS)
    known = queries.recovery_key(work.session)
    if known is None:
        raise Conflict("No recovery key was ever made here; `app.py key kit` makes one, for the next time.")
    try:
        public = recovery.public_half(recovery_key)
    except ValueError as error:
        raise Invalid.field("recovery_key", str(error)) from None
    if public != known.public_key:
        replaced = f"this is not the recovery key of {known.created_at:%Y-%m-%d %H:%M} UTC, the only one that works"
        raise Invalid.field("recovery_key", replaced)
    restored = [_restore(keys, recovery_key, key) for key in _recoverable(work)]
    return [kid for kid in restored if kid is not None]


def _recoverable(work: Work) -> Sequence[MasterKey]:
    return [key for key in queries.keys(work.session, "current", "retiring", "retired") if key.sealed_for_recovery]


def _restore(keys: KeyStore, recovery_key: str, key: MasterKey) -> str | None:
    """The key's id where it was not there; None where it was. Raises Conflict for a changed row."""
    if keys.has(key.kid):
        return None
    assert key.sealed_for_recovery is not None
    try:
        keys.add(recovery.open_with(recovery_key, key.kid, key.sealed_for_recovery))
    except Unreadable as error:
        raise Conflict(f"What was kept of the master key {key.kid} was changed; restore a backup.") from error
    return key.kid


def _make_current(work: Work, keys: KeyStore) -> envelope.MasterKey:
    """A new current key. It is kept before its row is: whoever reads the row finds the key."""
    master = envelope.MasterKey.new()
    keys.add(master)
    known = queries.recovery_key(work.session)
    sealed = recovery.seal_for(known.public_key, master) if known else None
    work.session.add(MasterKey(kid=master.kid, state="current", sealed_for_recovery=sealed))
    work.session.flush()
    work.emit("master_key.created", data={"key_id": master.kid})
    return master


def seal(work: Work, keys: KeyStore, table: str, row_id: uuid.UUID, secret: str) -> envelope.Sealed:
    """A secret, sealed for its row under the current key."""
    return envelope.seal(for_sealing(work, keys), secret, envelope.place_of(table, row_id))
