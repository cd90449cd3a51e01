"""The one decision: may this actor do this action on this resource?

Pure functions over plain values. Default deny; a deny rule beats every grant and every allow rule. Priority only
settles which of several rules with the same effect is named as the one that decided.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from . import rights
from .clock import now
from .identity import SYSTEM_USER_ID, Actor
from .rights import Case, Grant, Rights, Rule, Selector, matches


@dataclass(frozen=True, slots=True)
class Resource:
    """What an action is aimed at.

    `owner_id` is None for what belongs to no single user. `listed` marks the things of a kind as a list, which is
    filtered by the same policy: it may be asked for by whoever may see any of them.
    """

    kind: str
    id: uuid.UUID | str | None = None
    owner_id: uuid.UUID | None = None
    project_id: uuid.UUID | None = None
    listed: bool = False


Ground = Literal["role", "rule", "scope", "content", "system", "credential", "absence", "connector"]
"""What a decision rests on: the roles one holds or lacks, a rule, the scopes of a token, content from outside that had
a say in it, that it is the system itself; an account or token that is no longer good; that there is no such thing; or
a connector's own rules for its operations.
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome with what it rests on: in words, and as the grant or rule that decided."""

    allowed: bool
    reason: str
    rule: Rule | None = None
    grant: Grant | None = None
    by: Ground = "role"


@dataclass(frozen=True, slots=True)
class Clause:
    """Some of a kind's things; None asks for nothing. `own` is whether the actor owns them."""

    own: bool | None = None
    projects: frozenset[uuid.UUID] | None = None
    keys: frozenset[str] | None = None

    def takes_in(self, is_own: bool, project_id: uuid.UUID | None, key: uuid.UUID | str | None) -> bool:
        """Whether a thing of that project and id is among them."""
        return (
            self.own in (None, is_own)
            and (self.projects is None or project_id in self.projects)
            and (self.keys is None or str(key) in self.keys)
        )


@dataclass(frozen=True, slots=True)
class Reach:
    """On which things an actor may do an action: what some clause takes in and none takes out."""

    taken_in: tuple[Clause, ...]
    taken_out: tuple[Clause, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether it takes in what the actor owns, and nothing else."""
        return self.taken_in == (Clause(own=True),)

    def covers(
        self, user_id: uuid.UUID, owner_id: uuid.UUID | None, project_id: uuid.UUID | None, key: uuid.UUID | str | None
    ) -> bool:
        """Whether a thing of that owner, project and id is within reach of that user."""
        thing = (owner_id == user_id, project_id, key)
        return any(clause.takes_in(*thing) for clause in self.taken_in) and not any(
            clause.takes_in(*thing) for clause in self.taken_out
        )


EVERYTHING = Reach((Clause(),))


def rights_of(actor: Actor) -> Rights:
    """The actor's rights; one made by hand has those of its built-in roles."""
    return actor.rights if actor.rights is not None else rights.of_roles(actor.roles)


def can(actor: Actor, action: str, resource: Resource) -> Decision:
    """Decides; never raises. `action` is dotted, room first: `tasks.cancel`."""
    if actor.only_read and not rights.is_reading(action) and any(matches(glob, action) for glob in actor.only_read):
        return Decision(False, "content from outside had a say in it, which leaves reading only", by="content")
    if actor.user_id == SYSTEM_USER_ID:
        return Decision(True, "the system itself", by="system")
    if not is_in_scope(actor, action):
        return Decision(False, f"the token's scopes do not include {action}", by="scope")
    case = rights_of(actor).about(action)
    for rule in case.denies:
        if _is_about(rule, actor, resource) and _holds(rule, actor):
            return Decision(False, f"the rule {rule.name} denies it", rule=rule, by="rule")
    if grant := _given(case, actor, resource):
        return Decision(True, _words(grant, resource), grant=grant)
    for rule in case.allows:
        if _is_about(rule, actor, resource) and _holds(rule, actor):
            return Decision(True, f"the rule {rule.name} allows it", rule=rule, by="rule")
    return Decision(False, _why_not(case, actor, action, resource))


def reach(actor: Actor, action: str, kind: str) -> Reach:
    """On which things of `kind` the actor may do `action` now, scopes of a token aside: what lists filter by."""
    if actor.user_id == SYSTEM_USER_ID:
        return EVERYTHING
    case = rights_of(actor).about(action)
    taken_in = (*_granted(case.grants, own=None), *_granted(case.own_grants, own=True))
    if Clause() in taken_in:
        taken_in = (Clause(),)
    return Reach((*taken_in, *_clauses(case.allows, actor, kind)), _clauses(case.denies, actor, kind))


def _granted(grants: tuple[Grant, ...], own: bool | None) -> Iterator[Clause]:
    """What grants take in: everything or all that is the actor's own, else that of certain projects."""
    if any(grant.project_id is None for grant in grants):
        yield Clause(own)
    elif projects := frozenset(grant.project_id for grant in grants if grant.project_id):
        yield Clause(own, projects=projects)


def is_hidden(actor: Actor, resource: Resource) -> bool:
    """Whether the actor may not even know of the resource: it belongs to another user, and may not be read."""
    if resource.owner_id is None or resource.owner_id == actor.user_id:
        return False
    readable = reach(actor, f"{resource.kind}.read", resource.kind)
    return not readable.covers(actor.user_id, resource.owner_id, resource.project_id, resource.id)


def allowed_actions(actor: Actor) -> list[str]:
    """The action globs the actor holds somewhere, for a client that hides what is not allowed."""
    held = rights_of(actor)
    granted = {glob for grant in held.grants for glob in (*grant.role.actions, *grant.role.own_actions)}
    granted |= {rule.action for rule in held.rules if rule.effect == "allow"}
    return sorted(granted) if actor.scopes is None else sorted(actor.scopes)


def holds(actor: Actor, glob: str, project_id: uuid.UUID | None) -> bool:
    """Whether the actor may hand on `glob` there: nobody gives what they do not have on everything there."""
    if actor.user_id == SYSTEM_USER_ID:
        return True
    given = rights_of(actor)
    if any(_keeps_from(rule, glob, project_id) for rule in given.rules):
        return False
    held = [
        action
        for grant in given.grants
        if (grant.project_id is None and grant.role.reach == "all") or (project_id and grant.project_id == project_id)
        for action in grant.role.actions
    ]
    in_scope = actor.scopes is None or rights.is_within_globs(glob, actor.scopes)
    return in_scope and rights.is_within_globs(glob, held)


def is_in_scope(actor: Actor, action: str) -> bool:
    """Whether a token's scopes include the action; a login has none that narrow it."""
    return actor.scopes is None or any(matches(scope, action) for scope in actor.scopes)


def _keeps_from(rule: Rule, glob: str, project_id: uuid.UUID | None) -> bool:
    """Whether a deny takes some of `glob` there, if only at times, from the actor and not from everyone."""
    is_there = project_id is None or rule.selector.project_id in (None, project_id)
    return rule.effect == "deny" and rule.is_personal and is_there and rights.overlap(rule.action, glob)


def _given(case: Case, actor: Actor, resource: Resource) -> Grant | None:
    """The first grant that gives it, those that give it on everything first."""
    for grant in case.grants:
        if _is_in_scope(grant, resource):
            return grant
    for grant in case.own_grants:
        if _is_in_scope(grant, resource) and (resource.listed or _is_own(grant, actor, resource)):
            return grant
    return None


def _is_in_scope(grant: Grant, resource: Resource) -> bool:
    return resource.listed or grant.project_id is None or resource.project_id == grant.project_id


def _is_own(grant: Grant, actor: Actor, resource: Resource) -> bool:
    """What nobody owns is everybody's who has the action, but in a project it is the project's."""
    return resource.owner_id == actor.user_id or (resource.owner_id is None and grant.project_id is None)


def _is_about(rule: Rule, actor: Actor, resource: Resource) -> bool:
    selector, own = rule.selector, rule.conditions.own
    if not _is_of(selector, resource.kind):
        return False
    if resource.listed:
        # A rule about some of the things leaves the list as a whole as it is: its filter takes them in or out.
        return rule.effect == "allow" or (selector.is_broad and own is None)
    if own is not None and (resource.owner_id == actor.user_id) is not own:
        return False
    if selector.project_id is not None:
        return resource.project_id == selector.project_id
    return selector.id is None or selector.id == str(resource.id)


def _is_of(selector: Selector, kind: str) -> bool:
    return selector.kind in (None, kind)


def _holds(rule: Rule, actor: Actor) -> bool:
    return rule.conditions.hold(actor.via, actor.through, actor.address, now())


def _clauses(rules: tuple[Rule, ...], actor: Actor, kind: str) -> tuple[Clause, ...]:
    """What the rules that hold now are about, one clause for all that are alike."""
    clauses: set[Clause] = set()
    projects: dict[bool | None, set[uuid.UUID]] = {}
    keys: dict[bool | None, set[str]] = {}
    for rule in rules:
        if not _is_of(rule.selector, kind) or not _holds(rule, actor):
            continue
        own = rule.conditions.own
        if rule.selector.project_id is not None:
            projects.setdefault(own, set()).add(rule.selector.project_id)
        elif rule.selector.id is not None:
            keys.setdefault(own, set()).add(rule.selector.id)
        else:
            clauses.add(Clause(own))
    clauses |= {Clause(own, projects=frozenset(found)) for own, found in projects.items()}
    clauses |= {Clause(own, keys=frozenset(found)) for own, found in keys.items()}
    return tuple(clauses)


def _words(grant: Grant, resource: Resource) -> str:
    where = " in certain projects" if grant.project_id else ""
    if grant.project_id is not None and grant.project_id == resource.project_id:
        where = " in this project"
    through = f" through the group {grant.group}" if grant.group else ""
    return f"role {grant.role.name}{where}{through}"


def _why_not(case: Case, actor: Actor, action: str, resource: Resource) -> str:
    if not case.grants and not case.own_grants:
        return f"no role of {actor.handle} includes {action}"
    if resource.owner_id not in (None, actor.user_id):
        return "it belongs to another user"
    return f"{actor.handle} may do {action} in certain projects only"
