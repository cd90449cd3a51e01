"""Carries rules out, one short transaction after another, so that nobody waits for a purge."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.core import tombstones
from gateway.core.clock import now
from gateway.core.policy import Resource
from gateway.core.purging import Purgeable
from gateway.core.unit_of_work import Work
from gateway.features.projects import service as projects

from . import queries
from .queries import Aim
from .rules import Rule


@dataclass(frozen=True, slots=True)
class Batch:
    """What went, and where the next one begins; `is_last`: there is nothing left to do, or it is another's turn."""

    count: int
    bytes: int
    after: uuid.UUID | None
    is_last: bool


def aim(work: Work, purgeable: Purgeable, rule: Rule) -> Aim:
    """What the rule takes now."""
    return queries.aim(work.session, purgeable, rule, now())


def purge(work: Work, purgeable: Purgeable, rule: Rule, wanted: Aim, after: uuid.UUID | None) -> Batch:
    """Deletes the next few that the rule takes, and remembers them where they have an address of their own.

    How many went is written down with it, for its policy and in the audit record.
    """
    if not queries.take_turn(work.session, purgeable.sort):
        return Batch(0, 0, after, is_last=True)
    rows = queries.batch(work.session, purgeable, rule, wanted, after, purgeable.batch)
    if not rows:
        return Batch(0, 0, after, is_last=True)
    removed = purgeable.remove(work, [row.id for row in rows])
    gone = set(removed.ids)
    taken = [row for row in rows if row.id in gone]
    if purgeable.kind is not None:
        tombstones.bury(work.session, [_tombstone(purgeable.kind, row, rule) for row in taken])
    size = sum(row.bytes for row in taken)
    if taken:
        _note(work, rule, len(taken), size)
    return Batch(len(taken), size, after if removed.more else rows[-1].id, is_last=False)


def tell(work: Work, rule: Rule, batches: Sequence[Batch]) -> None:
    """Tells by an event what a rule has purged in one go."""
    count, size = sum(batch.count for batch in batches), sum(batch.bytes for batch in batches)
    owner_id = projects.owner_of(work, rule.project_id) if rule.project_id else None
    data = {"sort": rule.sort, "count": count, "bytes": size, "policy_id": str(rule.policy_id or "") or None}
    work.emit("retention.purged", owner_id=owner_id, project_id=rule.project_id, data=data)


def given_up(work: Work, sort: str) -> None:
    """Records that purging at once was not finished; the rounds, which come by themselves, go on with it."""
    reason = f"purging {sort} was given up: each node that began it was lost"
    work.record("retention_policies.purge", Resource("retention_policies"), allowed=True, reason=reason)


def _note(work: Work, rule: Rule, count: int, size: int) -> None:
    if rule.policy_id is not None:
        queries.add_up(work.session, rule.policy_id, count, size, now())
    work.record(
        "retention_policies.purge", Resource("retention_policies", rule.policy_id, None, rule.project_id), allowed=True,
        reason=f"{count} purged: {rule.words}",
    )  # fmt: skip


def _tombstone(kind: str, row: Any, rule: Rule) -> dict[str, Any]:
    return {
        "kind": kind, "id": row.id, "owner_id": row.owner_id, "project_id": row.project_id, "purged_at": now(),
        "policy_id": rule.policy_id, "reason": rule.words,
    }  # fmt: skip
