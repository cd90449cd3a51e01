"""Why a decision is as it is, and what there is to decide about."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from gateway.core import policy
from gateway.core.clock import now
from gateway.core.errors import Invalid, NotFound
from gateway.core.identity import Actor
from gateway.core.policy import Decision, Resource
from gateway.core.resources import Asked, Kind, Kinds
from gateway.core.rights import Case, Grant, Rule
from gateway.core.unit_of_work import Work

from . import queries, service
from .schemas import ActionList, ActionOut, ExplainQuery, Explanation, GrantOut, MatchingRule, selector_of

NOT_THERE = Decision(False, "there is no such thing, or it is not yours", by="absence")
"""The answer about what is gone and, word for word, about what the caller may not know of."""


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
    if decision.allowed:
        decision = _further(work, kinds, wish, asked) or decision
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
    rights = service.rights_of(work.session, user_id)
    actor = Actor(
        user_id, found[1], rights.roles, via="token" if wish.token_id else "login", credential_id=wish.token_id,
        scopes=tuple(scopes) if scopes is not None else None, address=work.actor.address, rights=rights,
    )  # fmt: skip
    if not found[2] and not service.is_system(user_id):
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


def _further(work: Work, kinds: Kinds, wish: ExplainQuery, asked: Actor) -> Decision | None:
    """What the room of the one thing that is asked about decides, now that the policy allows."""
    selector = selector_of(wish.resource)
    if selector.id is None:
        return None
    rooms = (kind.further for kind in kinds.get(selector.kind or "", ()) if kind.further is not None)
    said = (further(work.session, asked, selector.id, wish.action, wish.operation) for further in rooms)
    return next((decision for decision in said if decision is not None), None)


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
