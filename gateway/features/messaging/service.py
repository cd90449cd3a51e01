"""Rules of destinations and subscriptions. A secret is opened only where a message is sent or the secret replaced."""

import json
import uuid
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Select, update

from gateway.adapters.destinations.kinds.webhook import new_secret
from gateway.adapters.destinations.registry import KINDS, Unfit, checked
from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.core.policy import Resource
from gateway.core.secrets import envelope
from gateway.core.secrets.envelope import Unreadable
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.credentials import service_keys

from . import queries
from .models import Delivery, Destination
from .schemas import DestinationIn, DestinationKind, DestinationOut, DestinationPatch, DestinationQuery, SecretRotate

NOT_THERE = "There is no such destination, or it is not yours."

MOST_OF_ONE_USER = 200
"""Destinations of one user: each event is matched against all their subscriptions."""

MOST_SECRETS = 5
"""Secrets of one webhook that live at the same time."""

_TABLE = Destination.__tablename__
_DESTINATIONS = Base.metadata.tables[_TABLE]
_DELIVERIES = Base.metadata.tables[Delivery.__tablename__]


def kinds(work: Work) -> list[DestinationKind]:
    """What kinds of destinations there are, and whether they can be used here."""
    work.allow("destinations.read", Resource("destinations", listed=True))
    return [_kind(name) for name in KINDS]


def unavailable_kinds() -> dict[str, str]:
    """Kinds that cannot be used on this machine, with the reason."""
    found = {name: sort.unavailable() for name, sort in KINDS.items()}
    return {name: problem[0] for name, problem in found.items() if problem}


def visible(work: Work, query: DestinationQuery) -> Select[Destination]:
    """The destinations the caller may see, to be paged."""
    work.allow("destinations.read", Resource("destinations", listed=True))
    return queries.filtered_destinations(work.actor, query)


def get(work: Work, destination_id: uuid.UUID) -> Destination:
    """One destination. Raises NotFound."""
    return find(work, "destinations.read", destination_id)


def for_change(work: Work, destination_id: uuid.UUID, action: str = "destinations.update") -> Destination:
    """One destination, locked, to be changed by `action`. Raises NotFound."""
    return find(work, action, destination_id, lock=True)


def find(work: Work, action: str, destination_id: uuid.UUID, *, lock: bool = False) -> Destination:
    """A destination on which the caller may do `action`. Raises NotFound, Forbidden."""
    destination = queries.destination(work.session, work.actor, destination_id, lock=lock)
    if destination is None:
        raise NotFound(NOT_THERE)
    work.allow(action, destination.as_resource)
    return destination


def create(work: Work, keys: KeyStore, wish: DestinationIn) -> tuple[Destination, str | None]:
    """A new destination, and the signing secret where one was made for it. Raises Invalid, Conflict."""
    owner_id = work.actor.user_id
    work.allow("destinations.create", Resource("destinations", None, owner_id))
    if queries.count_of(work.session, owner_id) >= MOST_OF_ONE_USER:
        raise Conflict(f"You have {MOST_OF_ONE_USER} destinations already; delete one first.", code="too_many")
    secret = wish.secret.get_secret_value() if wish.secret else None
    config = _checked(wish.destination_type, wish.destination_config, secret, is_new=True)
    made = new_secret() if secret is None and KINDS[wish.destination_type].key_need == "generated" else None
    destination = Destination(
        id=new_id(), user_id=owner_id, name=wish.name or KINDS[wish.destination_type].title,
        destination_type=wish.destination_type, destination_config=config, is_active=wish.is_active,
        is_ordered=wish.is_ordered, per_minute=wish.per_minute,
    )  # fmt: skip
    if secret or made:
        _seal(work, keys, destination, [{"secret": secret or made}])
    work.session.add(destination)
    work.session.flush()
    tell(work, "destination.created", destination)
    return destination, made


def change(work: Work, keys: KeyStore, destination: Destination, patch: DestinationPatch) -> Destination:
    """Changes a destination, as `for_change` gave it.

    Raises Invalid, and Forbidden for who would lead events elsewhere that they may not read.
    """
    given = patch.model_fields_set
    secret = patch.secret.get_secret_value() if patch.secret else None
    if "destination_config" in given or secret is not None:
        config = {**destination.destination_config, **(patch.destination_config or {})}
        config = {name: value for name, value in config.items() if value is not None}
        if secret is not None:
            work.allow("destinations.rotate", destination.as_resource)
        _keep_secret_here(destination, config, secret)
        if config != destination.destination_config or _leads_elsewhere(destination, secret):
            _allow_leading(work, destination)
        destination.destination_config = _checked(destination.destination_type, config, secret)
    if secret is not None:
        _seal(work, keys, destination, [{"secret": secret}])
    for name in ("name", "is_ordered", "per_minute"):
        if name in given:
            setattr(destination, name, getattr(patch, name))
    work.session.flush()
    if patch.is_active is not None and patch.is_active != destination.is_active:
        set_active(work, destination, patch.is_active)
    tell(work, "destination.updated", destination)
    return destination


def note(work: Work, destination_id: uuid.UUID, **values: Any) -> None:
    """Past the ORM: how a destination fares is no change of it, so version and time of change stay."""
    found = update(_DESTINATIONS).where(_DESTINATIONS.c.id == destination_id)
    work.session.execute(found.values(**values, updated_at=_DESTINATIONS.c.updated_at))


def set_active(
    work: Work, destination: Destination, active: bool, reason: str = "its owner turned it off", *,
    by_owner: bool = True,
) -> None:  # fmt: skip
    """Turns a destination on or off. What waits when it goes off is held, until somebody has it sent again."""
    destination.is_active = active
    destination.disabled_reason = None if active else reason
    destination.failing_since = destination.paused_until = None
    work.session.flush()
    if active:
        tell(work, "destination.enabled", destination)
        return
    waiting = (_DELIVERIES.c.destination_id == destination.id) & (_DELIVERIES.c.status == "pending")
    work.session.execute(update(_DELIVERIES).where(waiting).values(status="held", next_attempt_at=None))
    tell(work, "destination.disabled", destination, reason=reason, by_owner=by_owner)


def rotate(work: Work, keys: KeyStore, destination: Destination, wish: SecretRotate) -> str | None:
    """Gives a destination a new secret, as `for_change` gave it; returns it where it was made here.

    The old one goes on signing for `overlap_s`. Raises Invalid, Conflict for a kind without secrets, and Forbidden as
    `change` does.
    """
    sort = KINDS[destination.destination_type]
    secret = wish.secret.get_secret_value() if wish.secret else None
    made = new_secret() if secret is None and sort.key_need == "generated" else None
    if secret is None and made is None:
        raise Invalid.field("secret", "give the new secret; only webhooks are given one")
    _checked(destination.destination_type, destination.destination_config, secret)
    if _leads_elsewhere(destination, secret):
        _allow_leading(work, destination)
    moment = now()
    kept: list[dict[str, str]] = []
    if sort.key_need == "generated" and wish.overlap_s:
        until = (moment + timedelta(seconds=wish.overlap_s)).isoformat()
        kept = [{"secret": old["secret"], "until": min(old.get("until", until), until)}
                for old in _opened(keys, destination, moment)]  # fmt: skip
    _seal(work, keys, destination, [{"secret": secret or made or ""}, *kept][:MOST_SECRETS])
    work.session.flush()
    tell(work, "destination.rotated", destination)
    return made


def remove(work: Work, destination_id: uuid.UUID) -> None:
    """Deletes a destination with its subscriptions and deliveries. Raises NotFound."""
    destination = for_change(work, destination_id, "destinations.delete")
    tell(work, "destination.deleted", destination)
    work.session.delete(destination)
    work.session.flush()


def describe(destination: Destination) -> DestinationOut:
    """A destination as the wire shows it."""
    plain = {name: getattr(destination, name) for name in DestinationOut.model_fields if hasattr(destination, name)}
    return DestinationOut(**plain, has_secret=destination.sealed is not None, health=_health(destination))


def secrets_of(keys: KeyStore, destination: Destination, moment: datetime) -> list[str]:
    """The secrets that live at `moment`, the newest first; for the node that sends.

    Raises Conflict for what was changed behind the gateway's back, NotReady when the master key is lost.
    """
    return [each["secret"] for each in _opened(keys, destination, moment)]


def tell(work: Work, name: str, destination: Destination, **more: Any) -> None:
    """Records an event about a destination."""
    about = {"destination_id": str(destination.id), "name": destination.name,
             "destination_type": destination.destination_type, **more}  # fmt: skip
    work.emit(name, owner_id=destination.user_id, data=about)


def _opened(keys: KeyStore, destination: Destination, moment: datetime) -> list[dict[str, str]]:
    sealed = destination.sealed
    if sealed is None:
        return []
    try:
        opened = envelope.unseal(keys.get(sealed.kid), sealed, envelope.place_of(_TABLE, destination.id))
    except Unreadable as error:
        raise Conflict(
            f"The secret of {destination.name} was changed behind the gateway's back and opens no more; give it a new"
            " one."
        ) from error
    return [
        each for each in json.loads(opened) if "until" not in each or datetime.fromisoformat(each["until"]) > moment
    ]


def _seal(work: Work, keys: KeyStore, destination: Destination, secrets: list[dict[str, Any]]) -> None:
    destination.sealed = service_keys.seal(work, keys, _TABLE, destination.id, json.dumps(secrets))


def _checked(kind: str, config: dict[str, Any], secret: str | None, *, is_new: bool = False) -> dict[str, Any]:
    need = KINDS[kind].key_need
    if need == "none" and secret is not None:
        raise Invalid.field("secret", "this kind of destination has none; leave it out")
    if need == "required" and secret is None and is_new:
        raise Invalid.field("secret", f"this kind needs one: {KINDS[kind].key_label}")
    try:
        return checked(kind, config, secret)
    except Unfit as unfit:
        raise Invalid.fields(unfit.problems) from None


def _keep_secret_here(destination: Destination, config: dict[str, Any], secret: str | None) -> None:
    """A kept secret goes where it was given for, and nowhere else."""
    moved = [
        field
        for field in KINDS[destination.destination_type].key_goes_to
        if config.get(field) != destination.destination_config.get(field)
    ]
    if moved and secret is None and destination.sealed is not None:
        raise Invalid.field("secret", f"give the secret again, since {' and '.join(moved)} says where it is sent")


def _leads_elsewhere(destination: Destination, secret: str | None) -> bool:
    """Whether a new secret may say where messages go, as a chat's address or another account; a signature does not."""
    return secret is not None and KINDS[destination.destination_type].key_need != "generated"


def _allow_leading(work: Work, destination: Destination) -> None:
    """Where events go is for those to change who may read them. Raises Forbidden."""
    if not queries.is_fed(work.session, destination.id):
        return
    try:
        work.allow("events.read", Resource("events", None, destination.user_id))
    except NotFound as error:
        raise Forbidden("Its owner's events go there; changing where takes events.read on those.") from error


def _health(destination: Destination) -> Literal["good", "failing", "off", "unused"]:
    if not destination.is_active:
        return "off"
    if destination.failing_since is not None:
        return "failing"
    return "good" if destination.last_success_at is not None else "unused"


def _kind(name: str) -> DestinationKind:
    sort = KINDS[name]
    reason, remedy = sort.unavailable() or (None, None)
    return DestinationKind(
        destination_type=name, title=sort.title, config_schema=sort.Config.model_json_schema(), secret=sort.key_need,
        secret_title=sort.key_label, per_minute=sort.per_minute, available=reason is None, reason=reason, remedy=remedy,
    )  # fmt: skip
