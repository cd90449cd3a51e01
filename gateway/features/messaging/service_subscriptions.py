"""Rules of subscriptions: which events go where, and what would come of one."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select

from gateway.core.clock import new_id
from gateway.core.errors import Conflict, NotFound
from gateway.core.events import Event
from gateway.core.policy import Resource
from gateway.core.templating import TemplateError
from gateway.core.unit_of_work import Work
from gateway.features.events.schemas import EventOut
from gateway.features.identity import service as identity

from . import matching, messages, queries, service
from .models import Subscription
from .schemas import (
    EventFilter,
    MessageTried,
    SubscriptionIn,
    SubscriptionOut,
    SubscriptionPatch,
    SubscriptionQuery,
    SubscriptionTried,
    SubscriptionTry,
)

MOST_OF_ONE_DESTINATION = 100
"""Subscriptions of one destination."""

SILENCED = "The API token that subscribed was revoked: nothing more goes out. Save it again to take it over."

SHOWN = 20
"""Events that a try shows."""


def visible(work: Work, query: SubscriptionQuery) -> Select[Subscription]:
    """The subscriptions the caller may see, to be paged."""
    work.allow("subscriptions.read", Resource("subscriptions", listed=True))
    return queries.filtered_subscriptions(work.actor, query)


def shown(work: Work, subscriptions: Sequence[Subscription]) -> list[SubscriptionOut]:
    """Subscriptions on the wire, with where they go by its name, and what keeps them from sending."""
    names = queries.destination_names(work.session, work.actor, {one.destination_id for one in subscriptions})
    revoked = identity.revoked_of(work, {one.by_token for one in subscriptions if one.by_token is not None})
    outs = [SubscriptionOut.model_validate(one) for one in subscriptions]
    for out, one in zip(outs, subscriptions, strict=True):
        out.destination_name = names.get(one.destination_id)
        if one.by_token in revoked:
            out.problem = SILENCED
    return outs


def get(work: Work, subscription_id: uuid.UUID) -> Subscription:
    """One subscription. Raises NotFound."""
    return _find(work, "subscriptions.read", subscription_id)


def for_change(work: Work, subscription_id: uuid.UUID, action: str = "subscriptions.update") -> Subscription:
    """One subscription, locked, to be changed by `action`. Raises NotFound."""
    return _find(work, action, subscription_id, lock=True)


def create(work: Work, wish: SubscriptionIn) -> Subscription:
    """Subscribes a destination to events: those to come. Whoever owns the destination gets what they may see.

    Raises NotFound, Conflict for one too many, and Forbidden for who may not read events: what goes to the destination
    is theirs to read.
    """
    owner_id = queries.owner_of(work.session, wish.destination_id) or work.actor.user_id
    try:
        work.allow("subscriptions.create", Resource("subscriptions", None, owner_id))
    except NotFound as error:
        raise NotFound(service.NOT_THERE) from error
    destination = service.get(work, wish.destination_id)
    work.allow("events.read", Resource("events", listed=True))
    if queries.count_of_destination(work.session, destination.id) >= MOST_OF_ONE_DESTINATION:
        raise Conflict(
            f"This destination has {MOST_OF_ONE_DESTINATION} subscriptions already; end one first.", code="too_many"
        )
    subscription = Subscription(
        id=new_id(), destination_id=destination.id, user_id=destination.user_id, event_pattern=wish.event_pattern,
        filter=_plain(wish.filter), template=wish.template, digest_s=wish.digest_s,
        by_token=_token_of(work),
    )  # fmt: skip
    work.session.add(subscription)
    work.session.flush()
    _tell(work, "subscription.created", subscription)
    return subscription


def change(work: Work, subscription: Subscription, patch: SubscriptionPatch) -> Subscription:
    """Changes a subscription, as `for_change` gave it. A filter is merged field by field.

    From now on events are sent only while the API token that asks is in use, if one does.

    Raises Forbidden for who may not read events.
    """
    work.allow("events.read", Resource("events", listed=True))
    subscription.by_token = _token_of(work)
    given = patch.model_fields_set
    for name in ("event_pattern", "template", "digest_s"):
        if name in given:
            setattr(subscription, name, getattr(patch, name))
    if "filter" in given:
        merged = {
            **(subscription.filter or {}),
            **(patch.filter.model_dump(exclude_unset=True) if patch.filter else {}),
        }
        subscription.filter = _plain(EventFilter.model_validate(merged)) if patch.filter else None
    work.session.flush()
    _tell(work, "subscription.updated", subscription)
    return subscription


def remove(work: Work, subscription_id: uuid.UUID) -> None:
    """Ends a subscription; what waits already still goes out. Raises NotFound."""
    end(work, for_change(work, subscription_id, "subscriptions.delete"))


def end(work: Work, subscription: Subscription) -> None:
    """Deletes a subscription; what waits already still goes out, with the usual text."""
    _tell(work, "subscription.deleted", subscription)
    work.session.delete(subscription)
    work.session.flush()


def try_out(work: Work, wish: SubscriptionTry) -> SubscriptionTried:
    """Which of the caller's newest events would match, and what would be said about the newest of them."""
    work.allow("events.read", Resource("events", listed=True))
    newest = queries.newest_events(work.session, work.actor, wish.last)
    wanted = matching.Wanted.of(wish.event_pattern, _plain(wish.filter))
    found = [event for event in newest if wanted.takes(event)]
    message, problem = None, None
    if found:
        try:
            message = _message(found, wish)
        except TemplateError as misfit:
            problem = str(misfit)
    return SubscriptionTried(
        looked_at=len(newest), matched=len(found), message=message, problem=problem,
        events=[EventOut.model_validate(event) for event in found[:SHOWN]],
    )  # fmt: skip


def _message(found: list[Event], wish: SubscriptionTry) -> MessageTried:
    is_digest = wish.digest_s is not None
    about = [matching.plain(event) for event in (reversed(found) if is_digest else found[:1])]
    said = messages.compose(
        str(uuid.UUID(int=0)), about[: messages.MOST_IN_DIGEST], count=len(about), is_digest=is_digest,
        template=wish.template,
    )  # fmt: skip
    return MessageTried(title=said.title, text=said.text, severity=said.severity, body=said.body or dict(said.payload))


def _find(work: Work, action: str, subscription_id: uuid.UUID, *, lock: bool = False) -> Subscription:
    subscription = queries.subscription(work.session, work.actor, subscription_id, lock=lock)
    if subscription is None:
        raise NotFound("There is no such subscription, or it is not yours.")
    work.allow(action, subscription.as_resource)
    return subscription


def _token_of(work: Work) -> uuid.UUID | None:
    """The API token that asks: what it has subscribed to goes out only while it is in use."""
    return work.actor.credential_id if work.actor.via == "token" else None


def _plain(wanted: EventFilter | None) -> dict[str, Any] | None:
    plain = json.loads(wanted.model_dump_json(exclude_defaults=True)) if wanted else {}
    return plain or None


def _tell(work: Work, name: str, subscription: Subscription) -> None:
    about = {"subscription_id": str(subscription.id), "destination_id": str(subscription.destination_id),
             "event_pattern": subscription.event_pattern}  # fmt: skip
    work.emit(name, owner_id=subscription.user_id, data=about)
