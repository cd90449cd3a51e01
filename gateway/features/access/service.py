"""Rights: what everybody's roles, groups and rules add up to, and why a decision is as it is."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace
from threading import Lock

from sqlalchemy import Select, update
from sqlalchemy.orm import Session

from gateway.core import policy
from gateway.core.clock import now
from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.identity import SYSTEM_USER_ID, Actor
from gateway.core.policy import Resource
from gateway.core.resources import Asked, Kind, Kinds
from gateway.core.rights import BUILT_IN, Case, Grant, Rights, Role, Rule, Scope
from gateway.core.unit_of_work import Work

from . import queries
from .models import AccessVersion, PolicyRule, RoleBinding, RoleRow
from .schemas import (
    ActionList,
    ActionOut,
    ExplainQuery,
    Explanation,
    GrantOut,
    MatchingRule,
    conditions_of,
    selector_of,
)

_known: dict[uuid.UUID, tuple[int, Rights]] = {}
"""Rights read earlier, with the version of the policy that they are of."""

_KNOWN_MOST = 1_000
_known_lock = Lock()


def rights_of(session: Session, user_id: uuid.UUID, version: int | None = None) -> Rights:
    """A user's rights now. `version` is `current_version`, where the caller has just read it."""
    if version is None:
        version = session.scalar(queries.current_version()) or 0
    known = _known.get(user_id)
    if known is not None and known[0] == version:
        return known[1]
    rights = read_rights(session, user_id)
    with _known_lock:
        if len(_known) >= _KNOWN_MOST:
            _known.clear()
        _known[user_id] = (version, rights)
    return rights


def current_version() -> Select[int]:
    """The query whose answer changes whenever anybody's rights may have changed."""
    return queries.current_version()


def groups_of(session: Session, user_id: uuid.UUID) -> list[tuple[uuid.UUID, str]]:
    """Id and name of the active groups that the user is an active member of, by name, then id."""
    return queries.groups_of(session, user_id)


def holders(role: str) -> Select[uuid.UUID]:
    """Ids of the users who hold the role for the whole system."""
    return queries.holders(role)


def keep_an_owner(work: Work) -> None:
    """Raises Conflict when, with what has changed so far, no active account would be an owner any more."""
    work.session.flush()
    queries.hold_owners(work.session)
    if work.session.scalar(queries.active_holders("owner").limit(1)) is None:
        raise Conflict("That would leave no active owner; make somebody else an owner first.", code="last_owner")


def changed(work: Work) -> None:
    """Tells every process that rights read so far are out of date."""
    work.session.flush()
    work.session.execute(update(AccessVersion).values(version=AccessVersion.version + 1))


def catalogue(work: Work, actions: dict[str, str]) -> ActionList:
    """All actions with what they mean, for whoever writes roles, rules or scopes."""
    work.allow("access.read_actions", Resource("access"))
    return ActionList(items=[ActionOut(action=name, description=words) for name, words in sorted(actions.items())])


def explain(work: Work, kinds: Kinds, actions: Collection[str], wish: ExplainQuery) -> Explanation:
    """Why a user may or may not do one of `actions` on something of one of `kinds`.

    Raises NotFound for a user that is not there, Invalid for such an action or thing.
    """
    user_id, action = wish.user_id or work.actor.user_id, wish.action
    work.allow("access.explain", Resource("users", user_id, user_id))
    found = queries.user(work.session, user_id)
    if found is None:
        raise NotFound("There is no such user.")
    if action not in actions:
        raise Invalid.field("action", "there is no such action; GET /v1/access/actions lists them")
    rights = rights_of(work.session, user_id)
    asked = Actor(user_id, found[1], rights.roles, via="login", address=work.actor.address, rights=rights)
    decision = policy.can(asked, action, _resource(work, kinds, wish, Asked(user_id, action)))
    case = rights.about(action)
    return Explanation(
        allowed=decision.allowed,
        decision="allow" if decision.allowed else "deny",
        reason=decision.reason,
        user_id=user_id,
        action=action,
        resource=wish.resource,
        roles=sorted(rights.roles),
        groups=list(rights.groups),
        grants=[_grant_out(case, grant) for grant in (*case.grants, *case.own_grants)],
        grant=_grant_out(case, decision.grant) if decision.grant else None,
        rule=_rule_out(decision.rule, asked) if decision.rule else None,
        rules=[_rule_out(rule, asked) for rule in (*case.denies, *case.allows)],
    )


def _resource(work: Work, kinds: Kinds, wish: ExplainQuery, asked: Asked) -> Resource:
    """What the policy would be asked about, by the rooms that ask it."""
    selector = selector_of(wish.resource)
    name = selector.kind or wish.action.split(".")[0]
    told, project_id = kinds.get(name, ()), selector.project_id or wish.project_id
    if selector.id is None:
        return _any_of(work, name, told, asked, project_id)
    for kind in told:
        found = kind.find(work.session, selector.id, asked)
        if found is not None and not policy.is_hidden(work.actor, found):
            return found if kind.is_owned else replace(found, project_id=found.project_id or project_id)
    raise Invalid.field("resource", f"there is nothing of that id among {name}")


def _any_of(work: Work, name: str, told: Sequence[Kind], asked: Asked, project_id: uuid.UUID | None) -> Resource:
    """All of a kind where lists are filtered, else one that is about to be made; in a project, if one is named."""
    is_owned = any(kind.is_owned for kind in told)
    if project_id is not None:
        owner_id = queries.project_owner(work.session, project_id)
        if owner_id is None:
            raise Invalid.field("resource", "there is no such project")
        return Resource(name, None, owner_id if is_owned else None, project_id)
    if any(asked.action in kind.listed for kind in told):
        return Resource(name, listed=True)
    return Resource(name, None, asked.user_id if is_owned else None)


def read_rights(session: Session, user_id: uuid.UUID) -> Rights:
    """A user's rights as the tables have them at this moment."""
    groups = queries.groups_of(session, user_id)
    group_ids = [group_id for group_id, _ in groups]
    bindings = queries.bindings_of(session, user_id, group_ids)
    held = [role.id for binding, role, _ in bindings if binding.project_id is None]
    return Rights(
        tuple(_grant(binding, role, group) for binding, role, group in bindings),
        tuple(_rule(row) for row in queries.rules_of(session, user_id, group_ids, held)),
        tuple(name for _, name in groups),
    )


def role_of(row: RoleRow) -> Role:
    """A role as the policy knows it."""
    if row.is_builtin:
        return BUILT_IN[row.name]
    reach: Scope = "all" if row.reach == "all" else "own"
    return Role(row.name, tuple(row.actions), reach, row.description, tuple(row.own_actions))


def _grant(binding: RoleBinding, role: RoleRow, group: str | None) -> Grant:
    return Grant(role_of(role), binding.project_id, group)


def _rule(row: PolicyRule) -> Rule:
    return Rule(
        row.id, row.name, "deny" if row.effect == "deny" else "allow", row.action, selector_of(row.resource),
        row.priority, conditions_of(row.conditions),
    )  # fmt: skip


def _grant_out(case: Case, grant: Grant) -> GrantOut:
    return GrantOut(
        role=grant.role.name, actions=list(grant.role.actions), own_actions=list(grant.role.own_actions),
        reach="all" if grant in case.grants else "own", group=grant.group,
        scope_type="project" if grant.project_id else "system", scope_id=grant.project_id,
    )  # fmt: skip


def _rule_out(rule: Rule, actor: Actor) -> MatchingRule:
    return MatchingRule(
        id=rule.id, name=rule.name, effect=rule.effect, action=rule.action, resource=str(rule.selector),
        priority=rule.priority, holds=rule.conditions.hold(actor.via, actor.address, now()),
    )  # fmt: skip


def is_system(user_id: uuid.UUID) -> bool:
    """Whether it is the reserved user `system`, who needs no role and gets none."""
    return user_id == SYSTEM_USER_ID
