"""Rights: what everybody's roles, groups and rules add up to, and why a decision is as it is."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from threading import Lock

from sqlalchemy import Select, update
from sqlalchemy.orm import Session

from gateway.core import policy
from gateway.core.clock import now
from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.identity import SYSTEM_USER_ID, Actor
from gateway.core.policy import Decision, Resource
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

NOT_THERE = Decision(False, "there is no such thing, or it is not yours", by="absence")
"""The answer about what is gone and, word for word, about what the caller may not know of."""

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
    """Raises Conflict when, with what has changed so far, no active owner would be left, or none who can undo rules."""
    work.session.flush()
    queries.hold_owners(work.session)
    owners = work.session.scalars(queries.active_holders("owner")).all()
    if not owners:
        raise Conflict("That would leave no active owner; make somebody else an owner first.", code="last_owner")
    if not any(_can_undo_rules(read_rights(work.session, owner_id)) for owner_id in owners):
        raise Conflict("It could not be taken back: a rule keeps every owner from the rules.", code="would_lock_out")


def _can_undo_rules(rights: Rights) -> bool:
    """Whether no deny keeps somebody from the rules, at some time of day or wherever they come from."""
    denies = [rule for verb in ("read", "update", "delete") for rule in rights.about(f"policy_rules.{verb}").denies]
    return not any(rule.selector.is_broad and rule.selector.kind in (None, "policy_rules") for rule in denies)


def changed(work: Work) -> None:
    """Tells every process that rights read so far are out of date."""
    work.session.flush()
    work.session.execute(update(AccessVersion).values(version=AccessVersion.version + 1))


def catalogue(work: Work, actions: Mapping[str, str], recorded: Mapping[str, str]) -> ActionList:
    """All actions with what they mean: those that are decided, and those that are only `recorded`."""
    work.allow("access.read_actions", Resource("access"))
    items = [
        ActionOut(action=name, description=words, recorded_only=name in recorded)
        for name, words in sorted({**actions, **recorded}.items())
    ]
    return ActionList(items=items)


def explain(work: Work, kinds: Kinds, actions: Collection[str], wish: ExplainQuery) -> Explanation:
    """Why a user may or may not do one of `actions` on something of one of `kinds`.

    Raises NotFound for a user or token that is not there, Invalid for an action or kind that there is not.
    """
    asked, refusal = _asked(work, wish)
    action = wish.action
    if action not in actions:
        raise Invalid.field("action", "nobody is asked for that; GET /v1/access/actions lists what is decided")
    resource = _resource(work, kinds, wish, Asked(asked.user_id, action))
    decision = refusal or (policy.can(asked, action, resource) if resource is not None else NOT_THERE)
    rights = policy.rights_of(asked)
    case = rights.about(action)
    return Explanation(
        allowed=decision.allowed,
        decision="allow" if decision.allowed else "deny",
        reason=decision.reason,
        decided_by=decision.by,
        user_id=asked.user_id,
        token_id=asked.credential_id if asked.via == "token" else None,
        scopes=list(asked.scopes) if asked.scopes is not None else None,
        action=action,
        resource=wish.resource,
        roles=sorted(rights.roles),
        groups=list(rights.groups),
        grants=[_grant_out(case, grant) for grant in (*case.grants, *case.own_grants)],
        grant=_grant_out(case, decision.grant) if decision.grant else None,
        rule=_rule_out(decision.rule, asked) if decision.rule else None,
        rules=[_rule_out(rule, asked) for rule in (*case.denies, *case.allows)],
    )


def _asked(work: Work, wish: ExplainQuery) -> tuple[Actor, Decision | None]:
    """Who is asked about, as they would come: the caller as they do, others as by a login from the caller's address.

    With that, the decision that stands before all others, where the account or the token can no longer be used.
    """
    user_id, scopes, is_live = wish.user_id or work.actor.user_id, None, True
    if wish.token_id is not None:
        token = queries.token(work.session, wish.token_id)
        if token is None or wish.user_id not in (None, token[0]):
            raise NotFound("There is no such token, or it is not yours.")
        user_id, scopes, is_live = token
        work.allow("access.explain", Resource("tokens", wish.token_id, user_id))
    else:
        work.allow("access.explain", Resource("users", user_id, user_id))
    found = queries.user(work.session, user_id)
    if found is None:
        raise NotFound("There is no such user.")
    if wish.token_id is None and user_id == work.actor.user_id:
        return work.actor, None
    rights = rights_of(work.session, user_id)
    actor = Actor(
        user_id, found[1], rights.roles, via="token" if wish.token_id else "login", credential_id=wish.token_id,
        scopes=tuple(scopes) if scopes is not None else None, address=work.actor.address, rights=rights,
    )  # fmt: skip
    if not found[2] and not is_system(user_id):
        return actor, Decision(False, "the account is disabled", by="credential")
    return actor, None if is_live else Decision(False, "the token has expired or was revoked", by="credential")


def _resource(work: Work, kinds: Kinds, wish: ExplainQuery, asked: Asked) -> Resource | None:
    """What the policy would be asked about, by the rooms that ask it; None for what is not there for the caller."""
    selector = selector_of(wish.resource)
    name = selector.kind or wish.action.split(".")[0]
    told, project_id = kinds.get(name, ()), selector.project_id or wish.project_id
    if selector.id is None:
        return _any_of(work, name, told, asked, project_id)
    if not told:
        raise Invalid.field("resource", f"there is no kind of things called {name}")
    for kind in told:
        found = kind.find(work.session, selector.id, asked)
        if found is not None and _may_know_of(work, kind, selector.id, found.kind):
            return found if kind.is_owned else replace(found, project_id=found.project_id or project_id)
    return None


def _may_know_of(work: Work, kind: Kind, key: str, read_as: str) -> bool:
    """Whether the caller, who may be another than the one asked about, sees the thing as they meet it themselves."""
    met = kind.find(work.session, key, Asked(work.actor.user_id, f"{read_as}.read"))
    return met is not None and not policy.is_hidden(work.actor, met)


def _any_of(work: Work, name: str, told: Sequence[Kind], asked: Asked, project_id: uuid.UUID | None) -> Resource | None:
    """All of a kind where lists are filtered, else one that is about to be made; in a project, if one is named."""
    is_owned = any(kind.is_owned for kind in told)
    if project_id is not None:
        owner_id = queries.project_owner(work.session, project_id)
        if owner_id is None or policy.is_hidden(work.actor, Resource("projects", project_id, owner_id, project_id)):
            return None
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
        is_personal=any(key is not None for key in (row.user_id, row.group_id, row.role_id)),
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
        priority=rule.priority, holds=rule.conditions.hold(actor.via, actor.through, actor.address, now()),
    )  # fmt: skip


def more_than(actor: Actor, session: Session, user_id: uuid.UUID) -> str | None:
    """A role of the user, held for the whole system, that gives what the actor does not have; None without one.

    What the built-in roles give on their holder's own things is nothing that anybody else has to have.
    """
    for role in (grant.role for grant in rights_of(session, user_id).grants if grant.project_id is None):
        is_builtin = BUILT_IN.get(role.name) is role
        if is_builtin and role.reach == "own":
            continue
        given = role.actions if is_builtin else (*role.actions, *role.own_actions)
        if any(not glob.startswith("self.") and not policy.holds(actor, glob, None) for glob in given):
            return role.name
    return None


def is_system(user_id: uuid.UUID) -> bool:
    """Whether it is the reserved user `system`, who needs no role and gets none."""
    return user_id == SYSTEM_USER_ID
