"""Every select on hooks and on what came to them."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    column,
    delete,
    exists,
    literal_column,
    or_,
    select,
    table,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, undefer

from gateway.core.clock import first_id_at
from gateway.core.driver.fixed_queries import FixedQuery
from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import Hook, HookDelivery, HookReply, HookRequest, HookSecret
from .schemas import HookQuery

_TASKS = table("tasks", column("id"), column("status"))
"""What a reply waits for; the room of tasks tells nobody above it."""


def visible(actor: Actor) -> Select[Hook]:
    """The hooks the actor may see."""
    return select(Hook).where(seen_by(actor, "hooks.read", owner=Hook.owner_id, project=Hook.project_id, key=Hook.id))


def filtered(actor: Actor, query: HookQuery) -> Select[Hook]:
    """A list of them."""
    wanted = (Hook.project_id, query.project_id), (Hook.verify, query.verify)
    conditions = [key == value for key, value in wanted if value is not None]
    if query.enabled is not None:
        conditions.append(Hook.enabled.is_(query.enabled))
    return visible(actor).where(*conditions)


def one(session: Session, actor: Actor, hook_id: uuid.UUID, *, lock: bool = False) -> Hook | None:
    """A hook the actor may see; `lock`ed to be changed, while what is posted to it is still kept."""
    query = visible(actor).where(Hook.id == hook_id)
    return session.scalar(query.with_for_update(of=Hook, key_share=True) if lock else query)


def posted_to(session: Session, hook_id: uuid.UUID) -> Hook | None:
    """A hook, whoever may see it: for the world that posts to it."""
    return session.get(Hook, hook_id)


def hold(session: Session, hook_id: uuid.UUID) -> bool:
    """Whether a hook is there, and from then on until the transaction ends; one that is being deleted is waited for."""
    query = select(Hook.id).where(Hook.id == hook_id)
    return session.scalar(query.with_for_update(read=True, key_share=True)) is not None


def secrets(session: Session, hook_ids: Sequence[uuid.UUID], moment: datetime) -> Sequence[HookSecret]:
    """The live secrets of hooks, the newest first."""
    is_live = or_(HookSecret.expires_at.is_(None), HookSecret.expires_at > moment)
    query = select(HookSecret).where(HookSecret.hook_id.in_(hook_ids), is_live)
    return session.scalars(query.order_by(HookSecret.id.desc())).all()


def requests(hook_id: uuid.UUID, outcome: str | None) -> Select[HookRequest]:
    """What came to a hook."""
    query = select(HookRequest).where(HookRequest.hook_id == hook_id)
    return query if outcome is None else query.where(HookRequest.outcome == outcome)


def request(session: Session, hook_id: uuid.UUID, request_id: uuid.UUID) -> HookRequest | None:
    """A request, whole."""
    query = select(HookRequest).where(HookRequest.hook_id == hook_id, HookRequest.id == request_id)
    return session.scalar(query.options(undefer(HookRequest.body)))


def claim(session: Session, rows: Sequence[dict[str, object]]) -> bool:
    """Takes the keys of a delivery, all or none; waits for another that takes one of them at the same moment."""
    taken = session.scalars(
        insert(HookDelivery).values(rows).on_conflict_do_nothing().returning(HookDelivery.key)
    ).all()
    return len(taken) == len(rows)


def delivered(session: Session, hook_id: uuid.UUID, keys: Sequence[bytes], *, but: uuid.UUID) -> HookDelivery | None:
    """What a delivery was answered with when it came first."""
    query = select(HookDelivery).where(
        HookDelivery.hook_id == hook_id, HookDelivery.key.in_(keys), HookDelivery.request_id != but
    )
    return session.scalar(query.limit(1))


def give_up_claim(session: Session, hook_id: uuid.UUID, keys: Sequence[bytes], request_id: uuid.UUID) -> None:
    """Leaves those keys that a request took before it met one that was taken."""
    mine = HookDelivery.key.in_(keys), HookDelivery.request_id == request_id
    session.execute(delete(HookDelivery).where(HookDelivery.hook_id == hook_id, *mine))


def settle(
    session: Session, hook_id: uuid.UUID, keys: Sequence[bytes], request_id: uuid.UUID, status: int,
    answer: dict[str, object],
) -> None:  # fmt: skip
    """Keeps what a delivery was answered with."""
    mine = HookDelivery.key.in_(keys), HookDelivery.request_id == request_id
    change = update(HookDelivery).where(HookDelivery.hook_id == hook_id, *mine)
    session.execute(change.values(status=status, answer=answer))


def count_repeat(session: Session, request_id: uuid.UUID) -> None:
    """Notes that a request came once more."""
    more = HookRequest.repeats + 1
    session.execute(update(HookRequest).where(HookRequest.id == request_id).values(repeats=more))


def drop_older_requests(session: Session, hook_id: uuid.UUID, *, rejected: bool, kept: int) -> None:
    """Deletes requests beyond so many of a hook; those that others delete at this moment are theirs."""
    sort = HookRequest.outcome == "rejected" if rejected else HookRequest.outcome != "rejected"
    old = select(HookRequest.id).where(HookRequest.hook_id == hook_id, sort).order_by(HookRequest.id.desc())
    old = old.offset(kept).limit(20).with_for_update(skip_locked=True)
    session.execute(delete(HookRequest).where(HookRequest.id.in_(old.scalar_subquery())))


def drop_old_deliveries(session: Session, before: datetime, most: int) -> int:
    """Forgets deliveries of long ago; returns how many."""
    row = tuple_(HookDelivery.hook_id, HookDelivery.key)
    old = select(HookDelivery.hook_id, HookDelivery.key).where(HookDelivery.created_at < before).limit(most)
    return len(session.execute(delete(HookDelivery).where(row.in_(old)).returning(HookDelivery.key)).all())


def drop_old(session: Session, before: datetime, most: int) -> int:
    """Drops requests, replies and expired secrets of long ago; returns how many. What is still owed stays."""
    gone = 0
    oldest = first_id_at(before)
    for kind, is_old in (
        (HookSecret, HookSecret.expires_at < before),
        (HookReply, and_(HookReply.id < oldest, HookReply.status != "owed")),
        (HookRequest, HookRequest.id < oldest),
    ):
        ids = select(kind.id).where(is_old).limit(most)
        gone += len(session.scalars(delete(kind).where(kind.id.in_(ids)).returning(kind.id)).all())
    return gone


def said_lately(session: Session, hook_id: uuid.UUID, since: datetime) -> set[bytes]:
    """Digests of what a hook has written through connectors since then; of very much, the newest."""
    newest = (
        select(HookReply.said)
        .where(HookReply.hook_id == hook_id, HookReply.id >= first_id_at(since))
        .order_by(HookReply.id.desc())
        .limit(200)
    )
    return {said for said in session.scalars(newest) if said is not None}


def _is_owed(moment: Any) -> tuple[ColumnElement[bool], ...]:
    is_open = or_(*(_TASKS.c.status == status for status in ("queued", "waiting", "running")))
    goes_on = exists().where(_TASKS.c.id == HookReply.task_id, is_open)
    return literal_column("hook_replies.status = 'owed'"), HookReply.next_at <= moment, ~goes_on


ANY_IS_OWED = FixedQuery(select(exists().where(*_is_owed(bindparam("moment"))).label("is_there")))


def owed(session: Session, moment: datetime, most: int) -> Sequence[HookReply]:
    """Replies that are due and whose tasks are over, locked; those that another node is at are passed over."""
    query = select(HookReply).where(*_is_owed(moment))
    return session.scalars(query.order_by(HookReply.next_at).limit(most).with_for_update(skip_locked=True)).all()
