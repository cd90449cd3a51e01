"""Rules of spend limits: who sets them, and what is used of them."""

import uuid

from prometheus_client import Gauge
from sqlalchemy import Select

from gateway.core.clock import now
from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import queries, service_spending
from .models import SpendLimit
from .schemas import NOTHING, Amount, SpendLimitIn, SpendLimitOut, SpendLimitPatch, SpendLimitQuery, UsageOut
from .windows import end_of, start_of

SPEND = Gauge(
    "gateway_spend", "Model calls under a spend limit in its present window.",
    ["subject_type", "subject_id", "window", "unit", "state"],
)  # fmt: skip

PUBLISHED = 1000
"""Limits that the metric tells of: the newest."""


def visible(work: Work, query: SpendLimitQuery) -> Select[SpendLimit]:
    """The limits the caller may see, to be paged."""
    work.allow("spend_limits.read", Resource("spend_limits", listed=True))
    return queries.filtered(
        work.actor, subject_type=query.subject_type, subject_id=query.subject_id, window=query.window
    )


def get(work: Work, limit_id: uuid.UUID) -> SpendLimit:
    """One limit. Raises NotFound."""
    return _find(work, limit_id, "spend_limits.read")


def for_change(work: Work, limit_id: uuid.UUID) -> SpendLimit:
    """One limit, locked, to be changed. Raises NotFound."""
    return _find(work, limit_id, "spend_limits.update", lock=True)


def create(work: Work, wish: SpendLimitIn) -> SpendLimit:
    """A new limit, under which counting begins now. Raises Invalid, and Conflict for a second one of its kind."""
    work.allow("spend_limits.create", Resource("spend_limits"))
    owner_id, subject_id = _subject(work, wish)
    if queries.same(work.session, wish.subject_type, subject_id, wish.window):
        raise Conflict("There is such a limit for that window already; change that one.", code="limit_exists")
    limit = SpendLimit(
        subject_type=wish.subject_type, subject_id=subject_id, owner_id=owner_id, window=wish.window,
        max_requests=wish.max_requests, max_tokens=wish.max_tokens, max_cost_micros=wish.max_cost_micros,
    )  # fmt: skip
    work.session.add(limit)
    work.session.flush()
    service_spending.forget_whether_bound(work)
    _announce(work, limit, "spend_limit.created")
    return limit


def change(work: Work, limit: SpendLimit, patch: SpendLimitPatch) -> SpendLimit:
    """Changes its figures; what is used already counts. Raises Invalid when none is left."""
    wanted = {name: getattr(limit, name) for name in SpendLimitPatch.model_fields}
    wanted |= patch.model_dump(exclude_unset=True)
    if not any(most is not None for most in wanted.values()):
        raise Invalid.field("max_requests", f"{NOTHING}, or delete the limit")
    for name, most in wanted.items():
        setattr(limit, name, most)
    work.session.flush()
    _announce(work, limit, "spend_limit.updated")
    return limit


def remove(work: Work, limit_id: uuid.UUID) -> None:
    """Deletes a limit with what was counted under it."""
    limit = _find(work, limit_id, "spend_limits.delete", lock=True)
    _announce(work, limit, "spend_limit.deleted")
    work.session.delete(limit)
    work.session.flush()


def usage(work: Work, limits: list[SpendLimit]) -> list[UsageOut]:
    """Where each of these limits stands in its present window."""
    moment = now()
    starts = {limit.id: start_of(limit.window, moment) for limit in limits}
    found = queries.usage(work.session, list(starts.items()))
    subjects = {uuid.UUID(limit.subject_id) for limit in limits if limit.owner_id and limit.subject_id}
    names = queries.subject_names(work.session, work.actor, subjects)
    return [
        UsageOut(
            limit=SpendLimitOut.model_validate(limit),
            subject_name=name,
            subject_display_name=display_name,
            starts_at=starts[limit.id],
            ends_at=end_of(limit.window, starts[limit.id]),
            used=_amount(found.get(limit.id), "used"),
            reserved=_amount(found.get(limit.id), "reserved"),
        )
        for limit in limits
        for name, display_name in [names.get(limit.subject_id or "", (None, None))]
    ]


def publish(work: Work) -> None:
    """Brings the metric up to date, which nodes fill as much as the gateway does: read from the records when asked."""
    SPEND.clear()
    for found in usage(work, queries.newest(work.session, PUBLISHED)):
        limit = found.limit
        for state, amount in (("used", found.used), ("reserved", found.reserved)):
            for unit, figure in amount.model_dump().items():
                SPEND.labels(limit.subject_type, limit.subject_id or "", limit.window, unit, state).set(figure)


def count_of_provider(work: Work, provider: str) -> int:
    """How many limits bind what a provider is paid; whoever calls has decided."""
    return queries.count_of_provider(work.session, provider)


def _amount(row: object, sort: str) -> Amount:
    names = Amount.model_fields
    return Amount(**{name: getattr(row, f"{sort}_{name}") for name in names}) if row is not None else Amount()


def _find(work: Work, limit_id: uuid.UUID, action: str, *, lock: bool = False) -> SpendLimit:
    limit = queries.one(work.session, work.actor, limit_id, lock=lock)
    if limit is None:
        raise NotFound("There is no such spend limit, or it is not yours.")
    work.allow(action, limit.as_resource)
    return limit


def _subject(work: Work, wish: SpendLimitIn) -> tuple[uuid.UUID | None, str | None]:
    """Whom the limit binds: their user's id where it is one, and the subject's id as it is compared."""
    if wish.subject_type in ("system", "provider"):
        return None, wish.subject_id
    try:
        subject = uuid.UUID(wish.subject_id)
    except ValueError as error:
        raise Invalid.field("subject_id", f"send the id of a {wish.subject_type}") from error
    if wish.subject_type == "token":
        owner_id = queries.owner_of_token(work.session, subject)
    else:
        owner_id = subject if queries.has_user(work.session, subject) else None
    if owner_id is None:
        raise Invalid.field("subject_id", f"there is no such {wish.subject_type}")
    return owner_id, str(subject)


def _announce(work: Work, limit: SpendLimit, name: str) -> None:
    data = SpendLimitOut.model_validate(limit).model_dump(mode="json", exclude={"created_at", "updated_at"})
    work.emit(name, owner_id=limit.owner_id, data=data)
