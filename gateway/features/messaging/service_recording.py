"""What came of attempts: each is a record, and decides what becomes of its delivery and how its destination fares."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gateway.core.clock import new_id, now
from gateway.core.driver.fixed_queries import FixedQuery
from gateway.core.unit_of_work import Work

from . import queries, retries, service
from .models import Attempt, Delivery
from .service_deliveries import TEST
from .service_sending import Claimed

_ARRIVED = FixedQuery(
    sa.text("""
    WITH place AS (
        SELECT is_active FROM messaging_destinations WHERE id = :destination_id
    ), told AS (
        SELECT told.* FROM place, jsonb_to_recordset(CAST(:outcomes AS jsonb)) AS told(
            id uuid, delivery_id uuid, attempts bigint, started_at timestamptz, latency_ms bigint,
            response_status bigint
        )
    ), arrived AS (
        UPDATE messaging_deliveries AS delivery
           SET status = 'delivered', attempts = delivery.attempts + 1, next_attempt_at = NULL, finished_at = :moment
          FROM told
         WHERE delivery.id = told.delivery_id AND delivery.attempts = told.attempts
     RETURNING told.*
    ), noted AS (
        INSERT INTO messaging_attempts (id, delivery_id, number, status, started_at, latency_ms, response_status)
        SELECT id, delivery_id, attempts + 1, 'succeeded', started_at, latency_ms, response_status FROM arrived
    ), thrives AS (
        UPDATE messaging_destinations
           SET failing_since = NULL, last_success_at = :moment, last_error = NULL, paused_until = NULL
         WHERE id = :destination_id AND EXISTS (SELECT FROM arrived)
    )
    SELECT is_active, (SELECT count(*) FROM arrived) AS delivered FROM place
""")
)
"""Messages that arrived at one destination, which is locked already: one statement for them all, since most do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt; `error` is {code, message} where it failed, `in_part` for some only."""

    delivery: Claimed
    started_at: datetime
    latency_ms: int
    response_status: int | None = None
    error: dict[str, Any] | None = None
    permanent: bool = False
    gone: bool = False
    retry_after_s: float | None = None
    in_part: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded, and whether to go on sending there."""

    going_on: bool
    delivered: int
    failures: int


def record(work: Work, destination_id: uuid.UUID, outcomes: Sequence[Outcome]) -> Recorded:
    """Keeps what came of attempts at one destination.

    Each counts once: what another node recorded meanwhile, or is gone, is left as it is.
    """
    arrived = [outcome for outcome in outcomes if outcome.error is None]
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    # Locked by a statement of its own: one that waited for the lock goes by the rows of before it had waited, and to
    # change them meets whoever waits behind it.
    destination = queries.by_id(work.session, destination_id, lock=True)
    if destination is None:
        return Recorded(False, 0, 0)
    delivered = _ARRIVED.first(work.session, **_told(destination_id, arrived)).delivered if arrived else 0
    if not failed:
        return Recorded(destination.is_active, delivered, 0)
    health = _Health(None if delivered else destination.failing_since)
    rows = {row.id: row for row in queries.by_ids(work.session, [outcome.delivery.id for outcome in failed])}
    known = [(rows[each.delivery.id], each) for each in failed if each.delivery.id in rows]
    known = [(row, outcome) for row, outcome in known if row.attempts == outcome.delivery.attempts]
    for row, outcome in known:
        _note(work, row, outcome)
        _put_off(work, row, outcome)
        health.failed(row, outcome, destination.is_ordered)
    work.session.flush()
    if known:
        service.note(work, destination.id, **health.values)
    if health.set_aside is not None and destination.is_active:
        work.session.refresh(destination)
        service.set_active(work, destination, False, health.set_aside, by_owner=False)
    return Recorded(destination.is_active and health.values.get("paused_until") is None, delivered, len(known))


def announce(work: Work, destination_id: uuid.UUID, delivered: int, failures: int) -> None:
    """Tells the console what was sent lately. No subscription gets this event."""
    destination = queries.by_id(work.session, destination_id)
    if destination is not None:
        about = {"destination_id": str(destination_id), "delivered": delivered, "failures": failures}
        work.emit("delivery.attempted", owner_id=destination.user_id, data=about)


def _told(destination_id: uuid.UUID, arrived: Sequence[Outcome]) -> dict[str, Any]:
    """The values of `_ARRIVED`."""
    outcomes = [
        {
            "id": str(new_id()), "delivery_id": str(outcome.delivery.id), "attempts": outcome.delivery.attempts,
            "started_at": outcome.started_at.isoformat(), "latency_ms": outcome.latency_ms,
            "response_status": outcome.response_status,
        }
        for outcome in arrived
    ]  # fmt: skip
    return {"destination_id": destination_id, "moment": now(), "outcomes": json.dumps(outcomes)}


class _Health:
    """How a destination fares after attempts that failed: `values` are for its row."""

    def __init__(self, failing_since: datetime | None) -> None:
        self._failing_since = failing_since
        self.values: dict[str, Any] = {}
        self.set_aside: str | None = None

    def failed(self, row: Delivery, outcome: Outcome, is_ordered: bool) -> None:
        """One did not arrive. To an ordered destination nothing goes before that one is tried again."""
        moment = now()
        if outcome.in_part:
            self._failing_since = None
            self.values |= {"failing_since": None, "last_success_at": moment, "last_error": outcome.error}
            return
        self._failing_since = self._failing_since or moment
        self.values |= {"failing_since": self._failing_since, "last_error": outcome.error}
        if is_ordered and row.status == "pending":
            self.values["paused_until"] = row.next_attempt_at
        elif outcome.retry_after_s:
            self.values["paused_until"] = moment + timedelta(seconds=outcome.retry_after_s)
        if outcome.gone:
            self.set_aside = "it answered 410, that it is no more"
        elif moment - self._failing_since >= timedelta(seconds=retries.SET_ASIDE_AFTER_S):
            self.set_aside = f"nothing has arrived there since {self._failing_since:%Y-%m-%d %H:%M} UTC"


def _put_off(work: Work, row: Delivery, outcome: Outcome) -> None:
    """A failed delivery waits for its next attempt, or is given up. What is held meanwhile stays held."""
    if row.status != "pending":
        return
    row.step += 1
    pause = None if outcome.permanent or row.event_name == TEST else retries.pause_s(row.step, outcome.retry_after_s)
    if pause is not None:
        row.next_attempt_at = now() + timedelta(seconds=pause)
        return
    row.status, row.next_attempt_at, row.finished_at = "failed", None, now()
    if row.event_name != TEST and not row.event_name.startswith("delivery."):
        work.emit("delivery.failed", owner_id=row.user_id, data={
            "delivery_id": str(row.id), "destination_id": str(row.destination_id), "event_name": row.event_name,
            "event_seq": row.event_seq, "error": outcome.error,
        })  # fmt: skip


def _note(work: Work, row: Delivery, outcome: Outcome) -> None:
    row.attempts += 1
    work.insert(Attempt, [{
        "id": new_id(), "delivery_id": row.id, "number": row.attempts, "status": "failed",
        "started_at": outcome.started_at, "latency_ms": outcome.latency_ms,
        "response_status": outcome.response_status, "error": outcome.error,
    }])  # fmt: skip
