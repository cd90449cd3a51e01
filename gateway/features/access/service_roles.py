"""Roles, and who holds them. Nobody hands on what they do not have."""

import uuid

from sqlalchemy import Select

from gateway.core import policy
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import queries, service
from .models import Group, RoleBinding, RoleRow
from .schemas import BindingIn, BindingOut, BindingPatch, BindingQuery, RoleIn, RolePatch, selector_of


def visible(work: Work, q: str | None = None) -> Select[RoleRow]:
    """The roles, or those of some words, to be paged."""
    work.allow("roles.read", Resource("roles"))
    return queries.roles(q).where(queries.seen(work.actor, "roles.read", RoleRow))


def get(work: Work, role_id: uuid.UUID, action: str = "roles.read") -> RoleRow:
    """One role, for `action`. Raises NotFound."""
    work.allow(action, Resource("roles", role_id))
    role = queries.role(work.session, role_id)
    if role is None:
        raise NotFound("There is no such role.")
    return role


def create(work: Work, wish: RoleIn) -> RoleRow:
    """A new role. Raises Conflict for a taken name, Forbidden for actions that the caller does not have."""
    work.allow("roles.create", Resource("roles"))
    _check_free(work, wish.name, None)
    _check_held(work, [*wish.actions, *wish.own_actions], None)
    role = RoleRow(**wish.model_dump())
    work.session.add(role)
    work.session.flush()
    work.emit("role.created", data={"role_id": str(role.id), "name": role.name})
    return role


def change(work: Work, role: RoleRow, patch: RolePatch) -> RoleRow:
    """Changes a role, which `get` gave for the action. Raises Conflict for a built-in one."""
    if role.is_builtin:
        raise Conflict(f"{role.name} is built in and stays as it is; make a role of your own.", code="built_in")
    given = patch.model_dump(exclude_unset=True)
    for name, value in given.items():
        if value is None:
            raise Invalid.field(name, "this cannot be null")
    if "name" in given:
        _check_free(work, given["name"], role.id)
    if {"actions", "reach", "own_actions"} & given.keys():
        wanted = [*given.get("actions", role.actions), *given.get("own_actions", role.own_actions)]
        _check_held(work, wanted, None)
    for name, value in given.items():
        setattr(role, name, value)
    service.changed(work)
    work.emit("role.updated", data={"role_id": str(role.id), "name": role.name})
    return role


def delete(work: Work, role: RoleRow) -> None:
    """Deletes a role. Raises Conflict for a built-in one, and naming what refers to it."""
    if role.is_builtin:
        raise Conflict(f"{role.name} is built in and stays.", code="built_in")
    if found := queries.references(work.session, role):
        raise Conflict(f"The role is in use by {found}; remove those first.", code="in_use")
    work.session.delete(role)
    work.emit("role.deleted", data={"role_id": str(role.id), "name": role.name})


def bindings(work: Work, wish: BindingQuery) -> Select[RoleBinding]:
    """The role bindings, to be paged: all, or those of the projects in which the caller may see them."""
    work.allow("role_bindings.read", Resource("role_bindings", listed=True))
    return queries.bindings(**wish.filters()).where(queries.seen(work.actor, "role_bindings.read", RoleBinding))


def describe(work: Work, rows: list[RoleBinding]) -> list[BindingOut]:
    """Bindings as the wire shows them, with names."""
    names = queries.names(work.session, rows)
    return [
        BindingOut(
            id=row.id, version=row.version, created_at=row.created_at, updated_at=row.updated_at,
            subject_type="user" if row.user_id else "group",
            subject_id=row.user_id or row.group_id or row.id,
            subject_name=names.get(row.user_id or row.group_id or row.id, ""),
            role_id=row.role_id, role_name=names[row.role_id],
            scope_type="project" if row.project_id else "system", scope_id=row.project_id,
            scope_name=names.get(row.project_id) if row.project_id else None,
        )
        for row in rows
    ]  # fmt: skip


def binding(work: Work, binding_id: uuid.UUID, action: str = "role_bindings.read") -> RoleBinding:
    """One binding, for `action`. Raises NotFound."""
    found = work.session.get(RoleBinding, binding_id)
    work.allow(action, Resource("role_bindings", binding_id, None, found.project_id if found else None))
    if found is None:
        raise NotFound("There is no such role binding.")
    return found


def bind(work: Work, wish: BindingIn) -> RoleBinding:
    """Gives a role to a user or a group. Raises Invalid, Conflict, and Forbidden for more than the caller has."""
    work.allow("role_bindings.create", Resource("role_bindings", None, None, wish.scope_id))
    role = _role(work, wish.role_id)
    _check_scope(work, wish.scope_id)
    _check_may_give(work, role, wish.scope_id)
    # Last, so that only who may give the role learns whether there is somebody of that name.
    user_id, group_id = _subject(work, wish)
    row = RoleBinding(user_id=user_id, group_id=group_id, role_id=role.id, project_id=wish.scope_id)
    _check_unique(work, row)
    work.session.add(row)
    service.changed(work)
    _tell(work, "role_binding.created", row)
    return row


def give(work: Work, user_id: uuid.UUID, role_name: str) -> None:
    """Gives a new user a role for the whole system. Raises Invalid for an unknown role, Forbidden."""
    role = queries.role(work.session, role_name)
    if role is None:
        raise Invalid.field("role", "there is no such role")
    # What those built-in roles give takes nothing from anybody: making the account decides. A role of one's own
    # may reach what is nobody's, such as settings, even where it is for its holder's own.
    if not (role.is_builtin and service.role_of(role).reach == "own"):
        _check_may_give(work, role, None)
    work.session.add(RoleBinding(user_id=user_id, role_id=role.id))
    service.changed(work)


def rebind(work: Work, row: RoleBinding, patch: BindingPatch) -> RoleBinding:
    """Changes a binding, which `binding` gave for the action. Raises as `bind` does."""
    given = patch.model_fields_set
    _check_may_take(work, row)
    if "role_id" in given and patch.role_id is not None:
        row.role_id = _role(work, patch.role_id).id
    if {"scope_type", "scope_id"} & given:
        if (patch.scope_type == "project") != (patch.scope_id is not None):
            raise Invalid.field("scope_id", "send scope_type with it: project with an id, or system without")
        _check_scope(work, patch.scope_id)
        work.allow("role_bindings.update", Resource("role_bindings", row.id, None, patch.scope_id))
        row.project_id = patch.scope_id
    _check_may_give(work, _role(work, row.role_id), row.project_id)
    with work.session.no_autoflush:
        _check_unique(work, row)
    service.changed(work)
    service.keep_an_owner(work)
    _tell(work, "role_binding.updated", row)
    return row


def unbind(work: Work, row: RoleBinding) -> None:
    """Takes a role away, by a binding that `binding` gave for the action.

    Raises Forbidden, and Conflict for the last owner.
    """
    _check_may_take(work, row)
    work.session.delete(row)
    service.changed(work)
    service.keep_an_owner(work)
    _tell(work, "role_binding.deleted", row)


def check_may_join(work: Work, group: Group) -> None:
    """Raises Forbidden when who joins the group would get more than the caller has, by its roles or by a rule."""
    for role, project_id in _roles_of_group(work, group):
        _check_may_give(work, role, project_id)
    _check_rules(work, group)


def check_may_leave(work: Work, group: Group) -> None:
    """Raises Forbidden when who leaves the group would be an owner no more, and the caller is none, or when that would
    lift a deny that is about the caller as well.
    """
    _check_lifts(work, group)
    for role, _ in _roles_of_group(work, group):
        _check_owner(work, role)


def _roles_of_group(work: Work, group: Group) -> list[tuple[RoleRow, uuid.UUID | None]]:
    held = queries.bindings(
        subject_type="group", subject_id=group.id, role_id=None, scope_type=None, scope_id=None
    )  # fmt: skip
    return [(_role(work, row.role_id), row.project_id) for row in work.session.scalars(held)]


def _subject(work: Work, wish: BindingIn) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """The id of the user, or of the group."""
    if wish.subject_type == "group":
        group = queries.group(work.session, wish.subject_id)
        if group is None:
            raise Invalid.field("subject_id", "there is no such group")
        return None, group.id
    user = queries.user(work.session, wish.subject_id)
    if user is None or service.is_system(user[0]):
        raise Invalid.field("subject_id", "there is no such user")
    return user[0], None


def _role(work: Work, wanted: uuid.UUID | str) -> RoleRow:
    role = queries.role(work.session, wanted)
    if role is None:
        raise Invalid.field("role_id", "there is no such role")
    return role


def _check_scope(work: Work, project_id: uuid.UUID | None) -> None:
    if project_id is not None and not queries.project_exists(work.session, project_id):
        raise Invalid.field("scope_id", "there is no such project")


def _check_may_give(work: Work, role: RoleRow, project_id: uuid.UUID | None) -> None:
    _check_owner(work, role)
    given = service.role_of(role)
    _check_held(work, [*given.actions, *given.own_actions], project_id)
    if project_id is None:  # rules about a role are about those who hold it for the whole system
        _check_rules(work, role)


def _check_may_take(work: Work, row: RoleBinding) -> None:
    role = _role(work, row.role_id)
    _check_may_give(work, role, row.project_id)
    if row.project_id is None:
        _check_lifts(work, role)


def _check_lifts(work: Work, subject: Group | RoleRow) -> None:
    if service.is_bound_by(work, [rule.id for rule in queries.rules_about(work.session, subject, "deny")]):
        _refuse(work, service.NOT_LIFTED)


def _check_owner(work: Work, role: RoleRow) -> None:
    if role.name == "owner" and not service.is_system(work.actor.user_id) and "owner" not in work.actor.roles:
        _refuse(work, "only an owner makes or unmakes owners")


def _check_rules(work: Work, subject: Group | RoleRow) -> None:
    for rule in queries.rules_about(work.session, subject, "allow"):
        _check_held(work, [rule.action], selector_of(rule.resource).project_id)


def _check_held(work: Work, actions: list[str], project_id: uuid.UUID | None) -> None:
    for glob in actions:
        # What everyone may do for themselves is nobody's to withhold.
        if not glob.startswith("self.") and not policy.holds(work.actor, glob, project_id):
            _refuse(work, f"nobody hands on what they do not have on everything: {glob}")


def _refuse(work: Work, reason: str) -> None:
    work.record("role_bindings.create", Resource("role_bindings"), allowed=False, reason=reason)
    raise Forbidden(f"That is not allowed: {reason}.")


def _check_unique(work: Work, row: RoleBinding) -> None:
    same = queries.bindings(
        subject_type=None, subject_id=row.user_id or row.group_id, role_id=row.role_id,
        scope_type="project" if row.project_id else "system", scope_id=row.project_id,
    ).where(RoleBinding.id != row.id)  # fmt: skip
    if work.session.scalar(same) is not None:
        raise Conflict("They hold that role there already.", code="already_bound")


def _check_free(work: Work, name: str, but: uuid.UUID | None) -> None:
    taken = queries.role(work.session, name)
    if taken is not None and taken.id != but:
        raise Conflict(f"There is a role {name} already.", code="name_taken")


def _tell(work: Work, name: str, row: RoleBinding) -> None:
    subject = {"user_id": str(row.user_id)} if row.user_id else {"group_id": str(row.group_id)}
    work.emit(name, project_id=row.project_id, data={"binding_id": str(row.id), "role_id": str(row.role_id), **subject})
