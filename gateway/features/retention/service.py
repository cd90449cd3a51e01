"""Rules of retention policies: who sets them, and what they would purge."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select

from gateway.core.clock import now
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.core.identity import SYSTEM_USER_ID
from gateway.core.policy import Resource
from gateway.core.purging import Purgeable
from gateway.core.unit_of_work import Work
from gateway.features.projects import service as projects

from . import queries, queries_look, rules
from .models import RetentionPolicy
from .queries_look import Look
from .rules import Rule
from .schemas import (
    NOTHING,
    RetentionAmount,
    RetentionExample,
    RetentionOut,
    RetentionPolicyIn,
    RetentionPolicyOut,
    RetentionPolicyPatch,
    RetentionPolicyQuery,
    RetentionPreview,
    RetentionSort,
)

PURGE = "retention_policies.purge"
"""The queue's name for purging by a policy at once."""

Sorts = Mapping[str, Purgeable]
EXAMPLES = 10


def visible(work: Work, query: RetentionPolicyQuery) -> Select[RetentionPolicy]:
    """The policies the caller may see, to be paged."""
    work.allow("retention_policies.read", Resource("retention_policies", listed=True))
    return queries.filtered(work.actor, scope_type=query.scope_type, scope_id=query.scope_id, sort=query.kind)


def get(work: Work, policy_id: uuid.UUID) -> RetentionPolicy:
    """One policy. Raises NotFound."""
    return _find(work, policy_id, "retention_policies.read")


def for_change(work: Work, policy_id: uuid.UUID) -> RetentionPolicy:
    """One policy, locked, to be changed. Raises NotFound."""
    return _find(work, policy_id, "retention_policies.update", lock=True)


def create(work: Work, sorts: Sorts, wish: RetentionPolicyIn) -> RetentionPolicy:
    """A new policy, carried out from now on. Raises Invalid, and Conflict for a second one of its sort there."""
    owner_id = _place(work, wish.scope_id, "retention_policies.create")
    _purgeable(sorts, wish.sort)
    if queries.same(work.session, wish.sort, wish.scope_id):
        raise Conflict(f"There is a policy for {wish.sort} there already; change that one.", code="policy_exists")
    policy = RetentionPolicy(owner_id=owner_id, **wish.model_dump())
    work.session.add(policy)
    work.session.flush()
    _announce(work, policy, "retention_policy.created")
    return policy


def change(work: Work, policy: RetentionPolicy, patch: RetentionPolicyPatch) -> RetentionPolicy:
    """Changes a policy, as `for_change` gave it. Raises Invalid when no limit is left."""
    for name, value in patch.model_dump(exclude_unset=True).items():
        setattr(policy, name, value)
    if policy.max_age_days is None and policy.max_count is None and policy.max_bytes is None:
        raise Invalid.field("max_age_days", f"{NOTHING}, or delete the policy")
    work.session.flush()
    _announce(work, policy, "retention_policy.updated")
    return policy


def remove(work: Work, policy_id: uuid.UUID) -> None:
    """Deletes a policy; what it has purged stays purged."""
    policy = _find(work, policy_id, "retention_policies.delete", lock=True)
    _announce(work, policy, "retention_policy.deleted")
    work.session.delete(policy)
    work.session.flush()


def apply(work: Work, policy_id: uuid.UUID) -> RetentionPolicy:
    """Has a node purge by the policy now, and not at its next round. Raises Conflict for one that is switched off."""
    policy = _find(work, policy_id, "retention_policies.apply")
    if not policy.enabled:
        raise Conflict("The policy is switched off; enable it first.", code="policy_disabled")
    work.defer(PURGE, {"sort": policy.sort})
    return policy


def preview(work: Work, sorts: Sorts, policy_id: uuid.UUID) -> RetentionPreview:
    """What a policy would purge now, as it is, whether it is switched on or not."""
    return _preview(work, sorts, _find(work, policy_id, "retention_policies.preview"))


def preview_wish(work: Work, sorts: Sorts, wish: RetentionPolicyIn) -> RetentionPreview:
    """What a policy that does not exist yet would purge now."""
    _place(work, wish.scope_id, "retention_policies.preview")
    _purgeable(sorts, wish.sort)
    return _preview(work, sorts, wish)


def overview(work: Work, sorts: Sorts, project_id: uuid.UUID | None) -> RetentionOut:
    """What there is of each sort in a project or in all, and what all rules together would purge of it now."""
    if project_id is None:
        _allow_system(work, "retention_policies.read")
    else:
        project = projects.get(work, project_id)
        work.allow("retention_policies.read", Resource("retention_policies", None, project.owner_id, project.id))
    own = projects.retentions(work)
    items = []
    for sort, purgeable in sorts.items():
        all_rules = rules.in_force(sort, queries.enabled(work.session, sort), own)
        held = [rule for rule in all_rules if project_id in (None, rule.project_id)]
        if project_id is not None and not held:
            held = [rule_there(rule, project_id) for rule in all_rules if rule.project_id is None]
        look = queries_look.look(work.session, purgeable, project_id)
        found = queries.amount(work.session, look.purgeable, Rule(sort, project_id=project_id))
        items.append(
            RetentionSort(
                sort=sort, title=purgeable.title, estimated=look.share < 1, kept=_amount(found, look.share),
                would_go=_sum([_would_go(work, look, rule) for rule in held]),
            )
        )  # fmt: skip
    return RetentionOut(items=items)


def in_force(work: Work, sort: str) -> list[Rule]:
    """The rules that are carried out for a sort, those of projects first."""
    return rules.in_force(sort, queries.enabled(work.session, sort), projects.retentions(work))


def rule_there(rule: Rule, project_id: uuid.UUID) -> Rule:
    """What is left of the system's rule within one project: its age, since the others are about everything together."""
    return Rule(rule.sort, rule.policy_id, project_id, max_age_days=rule.max_age_days)


def _preview(work: Work, sorts: Sorts, policy: Any) -> RetentionPreview:
    purgeable, rule = _purgeable(sorts, policy.sort), rules.rule_of(policy)
    if rule.project_id is None:
        own = frozenset(other.project_id for other in in_force(work, policy.sort) if other.project_id)
        rule = Rule(rule.sort, rule.policy_id, None, own, rule.max_age_days, rule.max_count, rule.max_bytes)
    wanted = queries.aim(work.session, purgeable, rule, now())
    examples = queries.oldest(work.session, purgeable, rule, wanted, EXAMPLES)
    return RetentionPreview(
        sort=policy.sort,
        would_go=_amount(queries.amount(work.session, purgeable, rule, wanted)),
        examples=[RetentionExample(id=row.id, time=row.time, bytes=row.bytes) for row in examples],
    )


def _would_go(work: Work, look: Look, rule: Rule) -> RetentionAmount:
    there = rules.of_share(rule, look.share)
    wanted = queries.aim(work.session, look.purgeable, there, now())
    return _amount(queries.amount(work.session, look.purgeable, there, wanted), look.share)


def _amount(row: Any, share: float = 1) -> RetentionAmount:
    count, size = (round(int(figure) / share) for figure in row[:2])
    return RetentionAmount(count=count, bytes=size, oldest_at=row[2], newest_at=row[3])


def _sum(parts: list[RetentionAmount]) -> RetentionAmount:
    return RetentionAmount(
        count=sum(part.count for part in parts),
        bytes=sum(part.bytes for part in parts),
        oldest_at=min((part.oldest_at for part in parts if part.oldest_at), default=None),
        newest_at=max((part.newest_at for part in parts if part.newest_at), default=None),
    )


def _place(work: Work, project_id: uuid.UUID | None, action: str) -> uuid.UUID:
    """Whose policy it would be there, once `action` is allowed. Raises Invalid for a project that is not there."""
    if project_id is None:
        _allow_system(work, action)
        return SYSTEM_USER_ID
    return projects.for_policy(work, project_id, action).owner_id


def _allow_system(work: Work, action: str) -> None:
    """Decides about what holds for everybody; that there is such a thing is no secret. Raises Forbidden."""
    try:
        work.allow(action, Resource("retention_policies", None, SYSTEM_USER_ID))
    except NotFound as error:
        raise Forbidden(f"{action} is not allowed for the whole system; name a project of yours.") from error


def _purgeable(sorts: Sorts, sort: str) -> Purgeable:
    if sort not in sorts:
        raise Invalid.field("sort", f"use one of {', '.join(sorted(sorts))}")
    return sorts[sort]


def _find(work: Work, policy_id: uuid.UUID, action: str, *, lock: bool = False) -> RetentionPolicy:
    policy = queries.one(work.session, work.actor, policy_id, lock=lock)
    if policy is None:
        raise NotFound("There is no such retention policy, or it is not yours.")
    work.allow(action, policy.as_resource)
    return policy


def _announce(work: Work, policy: RetentionPolicy, name: str) -> None:
    data = RetentionPolicyOut.model_validate(policy).model_dump(mode="json", exclude={"created_at", "updated_at"})
    work.emit(name, owner_id=policy.owner_id, project_id=policy.scope_id, data=data)
