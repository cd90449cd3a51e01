"""A deny stays on whom it is about: to change rules, groups and bindings is no way to take it off oneself."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.errors import Forbidden
from gateway.core.identity import SYSTEM, Actor
from gateway.core.unit_of_work import Work
from gateway.features.access import service_groups, service_roles, service_rules
from gateway.features.access.schemas import BindingIn, BindingPatch, RoleIn, RuleIn, RulePatch
from gateway.features.access.schemas_groups import GroupIn, GroupPatch, MemberIn, MemberPatch
from gateway.features.identity import service as identity
from tests.services.conftest import Open

Act = Callable[[Work], Any]


def test_nobody_but_an_owner_lifts_a_deny_that_is_about_themselves(unit: Open) -> None:
    def person(role: str) -> Actor:
        with unit(SYSTEM) as work:
            user = identity.create_user(work, f"u{uuid.uuid4().hex[:10]}", role=role)
            return identity.actor_of(work.session, user, "token", user.id, None)

    admin, guest = person("admin"), person("member")
    with unit(SYSTEM) as work:
        group = service_groups.create(work, GroupIn(name=f"g-{uuid.uuid4().hex[:10]}"))
        role = service_roles.create(work, RoleIn(name=f"r-{uuid.uuid4().hex[:10]}", actions=["tasks.read"]))
        for member in (admin, guest):
            service_groups.add_member(work, group.id, MemberIn(user_id=member.user_id))
        held = BindingIn(subject_type="user", subject_id=admin.user_id, role_id=role.id)
        binding = service_roles.bind(work, held).id
        subjects = (f"user:{admin.user_id}", f"group:{group.id}", f"role:{role.id}", f"user:{guest.user_id}")
        mine, groups, roles, theirs = (
            service_rules.create(
                work,
                RuleIn.model_validate(
                    {"effect": "deny", "subject": subject, "action": "backups.create", "resource": "*"}
                ),
            ).id
            for subject in subjects
        )
        admin = identity.actor_of(work.session, identity.account(work, admin.handle), "token", admin.user_id, None)

    def rule(act: Callable[[Work, Any], Any], id_: uuid.UUID) -> Act:
        return lambda work: act(work, service_rules.get(work, id_, "policy_rules.update"))

    def off(work: Work, found: Any) -> None:
        service_rules.change(work, found, RulePatch(is_enabled=False))

    def elsewhere(work: Work, found: Any) -> None:
        service_rules.change(work, found, RulePatch.model_validate({"subject": f"user:{guest.user_id}"}))

    lifting: list[Act] = [
        *(rule(act, id_) for id_ in (mine, groups, roles) for act in (service_rules.delete, off, elsewhere)),
        lambda work: service_groups.remove_member(work, group.id, admin.user_id),
        lambda work: service_groups.change_member(work, group.id, admin.user_id, MemberPatch(is_active=False)),
        lambda work: service_groups.change(
            work, service_groups.get(work, group.id, "groups.update"), GroupPatch(is_active=False)
        ),
        lambda work: service_roles.unbind(work, service_roles.binding(work, binding, "role_bindings.delete")),
        lambda work: service_roles.rebind(
            work, service_roles.binding(work, binding, "role_bindings.update"),
            BindingPatch.model_validate({"role_id": viewer_role(work)}),
        ),
    ]  # fmt: skip
    for act in lifting:
        with unit(admin) as work, pytest.raises(Forbidden, match="lifts a deny that is about themselves"):
            act(work)
        with unit(replace(admin, roles=frozenset({*admin.roles, "owner"}))) as work:
            act(work)
            work.rollback()
    with unit(admin) as work:
        service_rules.change(work, service_rules.get(work, mine), RulePatch(description="Said why"))
        service_rules.delete(work, service_rules.get(work, theirs))
    with unit(SYSTEM) as work:
        for id_ in (mine, groups, roles):
            service_rules.delete(work, service_rules.get(work, id_))


def viewer_role(work: Work) -> uuid.UUID:
    from gateway.features.access import queries

    found = queries.role(work.session, "viewer")
    assert found is not None
    return found.id
