"""Every select on credentials and master keys."""

import uuid
from collections import Counter
from collections.abc import Collection, Sequence

from sqlalchemy import Row, Select, Table, column, func, select, table, text, true
from sqlalchemy.orm import Session

from gateway.core.database import Base
from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import Credential, MasterKey, RecoveryKey
from .schemas import CredentialQuery

KEYS_LOCK = 7_340_006
"""Advisory lock on which key is current: shared by who seals, held alone by who changes it."""

SEALED = {"secret_ciphertext", "secret_key", "secret_kid"}
"""The columns of a table that holds secrets, each bound to its row by `envelope.place_of`."""

# What refers to a credential lies in rooms above this one, hence by table name.
_PROVIDERS = table("providers", column("name"), column("credential_id"))


def visible(actor: Actor) -> Select[Credential]:
    """The credentials the actor may see."""
    seen = seen_by(
        actor, "credentials.read", owner=Credential.owner_id, project=Credential.project_id, key=Credential.id
    )
    return select(Credential).where(seen)


def filtered(actor: Actor, query: CredentialQuery) -> Select[Credential]:
    """A list of them."""
    wanted = (Credential.kind, query.kind), (Credential.project_id, query.project_id)
    conditions = [key == value for key, value in wanted if value is not None]
    if query.is_active is not None:
        conditions.append(Credential.is_active.is_(query.is_active))
    if query.q is not None:
        conditions.append(Credential.name.icontains(query.q, autoescape=True))
    return visible(actor).where(*conditions)


def one(session: Session, actor: Actor, credential_id: uuid.UUID, *, lock: bool = False) -> Credential | None:
    """A credential the actor may see; `lock`ed to be changed."""
    query = visible(actor).where(Credential.id == credential_id)
    return session.scalar(query.with_for_update(of=Credential) if lock else query)


def by_ids(session: Session, credential_ids: Collection[uuid.UUID]) -> Sequence[Credential]:
    """Credentials, whoever may see them: for nodes that hold their secrets open."""
    if not credential_ids:
        return []
    return session.scalars(select(Credential).where(Credential.id.in_(credential_ids))).all()


def name_is_taken(session: Session, owner_id: uuid.UUID, name: str, but: uuid.UUID | None) -> bool:
    """Whether the owner has another credential of that name."""
    others = Credential.id != but if but is not None else true()
    found = select(Credential.id).where(Credential.owner_id == owner_id, Credential.name == name, others)
    return session.scalar(found) is not None


def providers_with(session: Session, credential_id: uuid.UUID) -> Sequence[str]:
    """The names of the providers that use a credential."""
    query = select(_PROVIDERS.c.name).where(_PROVIDERS.c.credential_id == credential_id)
    return session.scalars(query.order_by(_PROVIDERS.c.name).limit(10)).all()


def hold_keys(session: Session, *, alone: bool) -> None:
    """Waits until nobody changes the keys, and keeps it so until the end of the transaction."""
    kind = "" if alone else "_shared"
    session.execute(text(f"SELECT pg_advisory_xact_lock{kind}(:key)"), {"key": KEYS_LOCK})


def current_key(session: Session) -> MasterKey | None:
    """The key that seals what is new."""
    return session.scalar(select(MasterKey).where(MasterKey.state == "current"))


def keys(session: Session, *states: str) -> Sequence[MasterKey]:
    """Master keys in these states, the newest first."""
    return session.scalars(
        select(MasterKey).where(MasterKey.state.in_(states)).order_by(MasterKey.created_at.desc())
    ).all()


def recovery_key(session: Session) -> RecoveryKey | None:
    """The public half of the recovery key."""
    return session.get(RecoveryKey, 1)


def sealed_tables() -> list[Table]:
    """Every table whose rows hold a secret of their own, read off its columns, so that new rooms join in."""
    return [each for each in Base.metadata.sorted_tables if SEALED.issubset(each.columns.keys())]


def to_rewrap(
    session: Session, table: Table, kids: Sequence[str], most: int
) -> Sequence[Row[uuid.UUID, str, bytes, bytes]]:
    """Up to `most` secrets of a table under these keys, locked; those that somebody else holds are passed over."""
    query = (
        select(table.c.id, table.c.secret_kid, table.c.secret_key, table.c.secret_ciphertext)
        .where(table.c.secret_kid.in_(kids))
        .order_by(table.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return session.execute(query).all()


def sealed_by(session: Session) -> dict[str, int]:
    """How many secrets each master key wraps."""
    wraps: Counter[str] = Counter()
    for sealed in sealed_tables():
        counted = select(sealed.c.secret_kid, func.count()).where(sealed.c.secret_kid.is_not(None))
        wraps.update(dict(session.execute(counted.group_by(sealed.c.secret_kid)).all()))
    return wraps
