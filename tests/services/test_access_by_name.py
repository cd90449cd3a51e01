"""Groups, roles and rules found by words; users, groups and roles named where they are not shown."""

import uuid

import pytest

from gateway.core.errors import Forbidden, Invalid
from gateway.core.identity import SYSTEM
from gateway.features.access import service_groups, service_roles, service_rules
from gateway.features.access.schemas import BindingIn, RoleIn, RuleIn, RuleQuery
from gateway.features.access.schemas_groups import GroupIn
from gateway.features.identity import service as identity
from gateway.features.projects import service as projects
from tests.services.conftest import Open


def test_who_gives_a_role_names_whom_they_are_not_shown(unit: Open) -> None:
    names = [f"u{uuid.uuid4().hex[:10]}" for _ in range(2)]
    with unit(SYSTEM) as work:
        keeper, guest = (identity.create_user(work, name, role="member") for name in names)
        project = projects.default_project(work, guest.id, guest.handle)
        group = service_groups.create(work, GroupIn(name=f"g-{uuid.uuid4().hex[:10]}"))
        place = {"scope_type": "project", "scope_id": project.id}
        service_roles.bind(
            work,
            BindingIn.model_validate({"subject_type": "user", "subject_id": keeper.id, "role_id": "admin", **place}),
        )
        head = identity.actor_of(work.session, keeper, "token", keeper.id, None)
        called = {"user": guest.handle.upper(), "group": group.name}
        ids = {"user": guest.id, "group": group.id}
    for kind, name in called.items():
        wish = BindingIn.model_validate({"subject_type": kind, "subject_id": name, "role_id": "viewer", **place})
        with unit(head) as work:
            row = service_roles.bind(work, wish)
            assert (row.user_id or row.group_id, row.project_id) == (ids[kind], project.id)
            service_roles.unbind(work, row)
        nobody = wish.model_copy(update={"subject_id": "no-such-name"})
        with unit(head) as work, pytest.raises(Invalid, match=f"no such {kind}"):
            service_roles.bind(work, nobody)
        with unit(head) as work, pytest.raises(Forbidden):  # who may not give the role is not told who there is
            service_roles.bind(work, nobody.model_copy(update={"role_id": "owner"}))
    with unit(head) as work, pytest.raises(Invalid, match="no such user"):
        service_roles.bind(work, wish.model_copy(update={"subject_type": "user", "subject_id": "system"}))


def test_groups_roles_and_rules_are_found_by_words(unit: Open) -> None:
    word = uuid.uuid4().hex
    wish = {"name": f"No {word}", "effect": "deny", "subject": "*", "action": "tasks.read", "resource": f"tasks/{word}"}
    with unit(SYSTEM) as work:
        group = service_groups.create(work, GroupIn(name=f"g-{word}"))
        described = RoleIn(name=f"r-{uuid.uuid4().hex[:8]}", description=f"A {word}_%", actions=["tasks.read"])
        role = service_roles.create(work, described)
        rule = service_rules.create(work, RuleIn.model_validate(wish))
        assert [one.id for one in work.session.scalars(service_groups.visible(work, q=word.upper()))] == [group.id]
        assert [one.id for one in work.session.scalars(service_roles.visible(work, f"{word}_%"))] == [role.id]
        assert [one.id for one in work.session.scalars(service_rules.visible(work, RuleQuery(q=word)))] == [rule.id]
        assert list(work.session.scalars(service_roles.visible(work, f"{word}%_"))) == []
        service_rules.delete(work, rule)
