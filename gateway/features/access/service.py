"""Rights: what everybody's roles, groups and rules add up to, and why a decision is as it is."""

import uuid
from threading import Lock

from sqlalchemy import Select, update
from sqlalchemy.orm import Session

from gateway.core import policy
from gateway.core.clock import now
from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.identity import SYSTEM_USER_ID, Actor
from gateway.core.policy import Resource
from gateway.core.rights import BUILT_IN, Case, Grant, Rights, Role, Rule, Scope
from gateway.core.unit_of_work import Work

from . import queries
from .models import AccessVersion, PolicyRule, RoleBinding, RoleRow
from .schemas import ActionList, ActionOut, Explanation, GrantOut, MatchingRule, conditions_of, selector_of

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


def explain(work: Work, user_id: uuid.UUID | None, action: str, resource: str) -> Explanation:
    """Why a user may or may not do `action` on `resource`. Raises NotFound for a user that is not there."""
    user_id = user_id or work.actor.user_id
    work.allow("access.explain", Resource("users", user_id, user_id))
    found = queries.user(work.session, user_id)
    if found is None:
        raise NotFound("There is no such user.")
    rights = rights_of(work.session, user_id)
    asked = Actor(user_id, found[1], rights.roles, via="login", address=work.actor.address, rights=rights)
    decision = policy.can(asked, action, _resource(work, action, resource))
    case = rights.about(action)
    return Explanation(
        allowed=decision.allowed,
        decision="allow" if decision.allowed else "deny",
        reason=decision.reason,
        user_id=user_id,
        action=action,
        resource=resource,
        roles=sorted(rights.roles),
        groups=list(rights.groups),
        grants=[_grant_out(case, grant) for grant in (*case.grants, *case.own_grants)],
        grant=_grant_out(case, decision.grant) if decision.grant else None,
        rule=_rule_out(decision.rule, asked) if decision.rule else None,
        rules=[_rule_out(rule, asked) for rule in (*case.denies, *case.allows)],
    )


def _resource(work: Work, action: str, text: str) -> Resource:
    selector = selector_of(text)
    if selector.project_id is not None:
        owned = queries.belongings(work.session, "projects", selector.project_id)
        if owned is None:
            raise Invalid.field("resource", "there is no such project")
        return Resource(action.split(".")[0], None, owned[0], selector.project_id)
    kind = selector.kind or action.split(".")[0]
    if selector.id is None:
        return Resource(kind, listed=action.endswith(".read"))
    try:
        found = queries.belongings(work.session, kind, uuid.UUID(selector.id))
    except ValueError:
        found = None
    if found is None:
        raise Invalid.field("resource", f"there is nothing of that id among {kind}")
    seen = Resource(kind, selector.id, *found)
    if policy.is_hidden(work.actor, seen):
        raise Invalid.field("resource", f"there is nothing of that id among {kind}")
    return seen


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
