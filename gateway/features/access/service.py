"""Rights: what everybody's roles, groups and rules add up to."""

import uuid
from collections.abc import Collection
from threading import Lock

from sqlalchemy import Select, update
from sqlalchemy.orm import Session

from gateway.core import policy
from gateway.core.errors import Conflict
from gateway.core.identity import SYSTEM_USER_ID, Actor
from gateway.core.rights import BUILT_IN, Grant, Rights, Role, Rule, Scope
from gateway.core.unit_of_work import Work

from . import queries
from .models import AccessVersion, PolicyRule, RoleBinding, RoleRow
from .schemas import conditions_of, selector_of

_known: dict[uuid.UUID, tuple[int, Rights]] = {}
"""Rights read earlier, with the version of the policy that they are of."""

_KNOWN_MOST = 1_000

NOT_LIFTED = "nobody but an owner lifts a deny that is about themselves"
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


def roles_held(session: Session, user_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, set[str]]:
    """The roles that each of these users holds for the whole system, where they hold any."""
    held: dict[uuid.UUID, set[str]] = {}
    for user_id, role in queries.roles_held(session, user_ids):
        held.setdefault(user_id, set()).add(role)
    return held


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


def is_bound_by(work: Work, rules: Collection[uuid.UUID]) -> bool:
    """Whether one of the rules denies something to the caller, who is no owner, and not to everyone."""
    if is_system(work.actor.user_id) or "owner" in work.actor.roles:
        return False
    bound = policy.rights_of(work.actor).rules
    return any(rule.effect == "deny" and rule.is_personal and rule.id in rules for rule in bound)


def is_system(user_id: uuid.UUID) -> bool:
    """Whether it is the reserved user `system`, who needs no role and gets none."""
    return user_id == SYSTEM_USER_ID
