"""Groups and their members."""

import uuid

from sqlalchemy import Select

from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import queries, service, service_roles
from .models import Group, GroupMember
from .schemas_groups import GroupIn, GroupPatch, MemberIn, MemberOut, MemberPatch


def visible(work: Work, external_id: str | None = None, q: str | None = None) -> Select[Group]:
    """The groups, those of some words, or the one of that external id, to be paged."""
    work.allow("groups.read", Resource("groups"))
    return queries.groups(external_id, q).where(queries.seen(work.actor, "groups.read", Group))


def get(work: Work, group_id: uuid.UUID, action: str = "groups.read") -> Group:
    """One group, for `action`. Raises NotFound."""
    work.allow(action, Resource("groups", group_id))
    group = work.session.get(Group, group_id)
    if group is None:
        raise NotFound("There is no such group.")
    return group


def create(work: Work, wish: GroupIn) -> Group:
    """A new group. Raises Conflict for a name or external id that is taken."""
    work.allow("groups.create", Resource("groups"))
    group = Group(**wish.model_dump())
    _check_free(work, group)
    work.session.add(group)
    work.session.flush()
    service.changed(work)
    work.emit("group.created", data={"group_id": str(group.id), "name": group.name})
    return group


def change(work: Work, group: Group, patch: GroupPatch) -> Group:
    """Changes a group, which `get` gave for the action. Raises Conflict, Forbidden."""
    given = patch.model_dump(exclude_unset=True)
    if given.get("is_active", group.is_active) != group.is_active:
        _check_may_switch(work, group, on=bool(given["is_active"]))
    for name, value in given.items():
        if value is None and name != "external_id":
            raise Invalid.field(name, "this cannot be null")
        setattr(group, name, value)
    with work.session.no_autoflush:
        _check_free(work, group)
    service.changed(work)
    service.keep_an_owner(work)
    work.emit("group.updated", data={"group_id": str(group.id), "name": group.name})
    return group


def delete(work: Work, group: Group) -> None:
    """Deletes a group. Raises Conflict naming what refers to it: bindings, rules, connectors, preferences."""
    if found := queries.references(work.session, group):
        raise Conflict(f"The group is in use by {found}; remove those first.", code="in_use")
    work.session.delete(group)
    service.changed(work)
    work.emit("group.deleted", data={"group_id": str(group.id), "name": group.name})


def members(work: Work, group_id: uuid.UUID, external_id: str | None = None) -> Select[GroupMember]:
    """The members of a group, or the one of that external id, to be paged."""
    get(work, group_id)
    return queries.members(group_id, external_id)


def describe(work: Work, rows: list[GroupMember]) -> list[MemberOut]:
    """Members as the wire shows them, with what they are called."""
    names = queries.called(work.session, [row.user_id for row in rows])
    return [
        MemberOut(
            group_id=row.group_id, user_id=row.user_id, handle=names[row.user_id][0],
            display_name=names[row.user_id][1], external_id=row.external_id, is_active=row.is_active,
            added_at=row.added_at,
        )
        for row in rows
    ]  # fmt: skip


def member(work: Work, group_id: uuid.UUID, user_id: uuid.UUID) -> GroupMember:
    """One member. Raises NotFound."""
    get(work, group_id)
    return _member_row(work, group_id, user_id)


def add_member(work: Work, group_id: uuid.UUID, wish: MemberIn) -> GroupMember:
    """Puts a user into a group. Raises Conflict when they are in it, or another has their external id there, Invalid
    when there is no such user.
    """
    group = get(work, group_id, "groups.add_member")
    if service.is_system(wish.user_id) or queries.user(work.session, wish.user_id) is None:
        raise Invalid.field("user_id", "there is no such user")
    if work.session.get(GroupMember, (group_id, wish.user_id)) is not None:
        raise Conflict("The user is in this group already.", code="already_member")
    service_roles.check_may_join(work, group)
    _check_member_free(work, group_id, wish.user_id, wish.external_id)
    row = GroupMember(group_id=group_id, **wish.model_dump())
    work.session.add(row)
    service.changed(work)
    _tell(work, "group.member_added", group, wish.user_id)
    return row


def change_member(work: Work, group_id: uuid.UUID, user_id: uuid.UUID, patch: MemberPatch) -> GroupMember:
    """Changes a membership. Raises NotFound, Invalid, Conflict for the last owner or an external id that is taken."""
    group = get(work, group_id, "groups.update_member")
    found = _member_row(work, group_id, user_id)
    given = patch.model_dump(exclude_unset=True)
    if "is_active" in given:
        if patch.is_active is None:
            raise Invalid.field("is_active", "this cannot be null")
        if patch.is_active != found.is_active:
            _check_may_switch(work, group, on=patch.is_active)
        found.is_active = patch.is_active
    if "external_id" in given:
        _check_member_free(work, group_id, user_id, patch.external_id)
        found.external_id = patch.external_id
    service.changed(work)
    service.keep_an_owner(work)
    _tell(work, "group.member_updated", group, user_id)
    return found


def remove_member(work: Work, group_id: uuid.UUID, user_id: uuid.UUID) -> None:
    """Takes a user out of a group. Raises NotFound, Conflict for the last owner."""
    group = get(work, group_id, "groups.remove_member")
    found = _member_row(work, group_id, user_id)
    service_roles.check_may_leave(work, group)
    work.session.delete(found)
    service.changed(work)
    service.keep_an_owner(work)
    _tell(work, "group.member_removed", group, user_id)


def _check_may_switch(work: Work, group: Group, *, on: bool) -> None:
    (service_roles.check_may_join if on else service_roles.check_may_leave)(work, group)


def _member_row(work: Work, group_id: uuid.UUID, user_id: uuid.UUID) -> GroupMember:
    found = work.session.get(GroupMember, (group_id, user_id))
    if found is None:
        raise NotFound("There is no such member in this group.")
    return found


def _check_member_free(work: Work, group_id: uuid.UUID, user_id: uuid.UUID, external_id: str | None) -> None:
    if external_id is None:
        return
    taken = queries.members(group_id, external_id).where(GroupMember.user_id != user_id)
    if work.session.scalar(taken) is not None:
        raise Conflict(f"Another member of the group has the external id {external_id}.", code="name_taken")


def _tell(work: Work, name: str, group: Group, user_id: uuid.UUID) -> None:
    work.emit(name, data={"group_id": str(group.id), "name": group.name, "user_id": str(user_id)})


def _check_free(work: Work, group: Group) -> None:
    for field in ("name", "external_id"):
        value = getattr(group, field)
        taken = queries.groups().where(getattr(Group, field) == value, Group.id != group.id)
        if value is not None and work.session.scalar(taken) is not None:
            raise Conflict(f"Another group has the {field.replace('_', ' ')} {value}.", code="name_taken")
