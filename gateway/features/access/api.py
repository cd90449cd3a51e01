"""Routes of access: groups, roles, bindings, rules, and why a decision is as it is."""

from flask import Response, current_app

from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.room import Room, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page

from . import service, service_explain, service_groups, service_roles, service_rules
from .models import Group, GroupMember, PolicyRule, RoleBinding, RoleRow
from .schemas import (
    ActionList,
    BindingIn,
    BindingOut,
    BindingPatch,
    BindingQuery,
    ExplainQuery,
    Explanation,
    RoleIn,
    RoleOut,
    RolePatch,
    RoleQuery,
    RuleIn,
    RuleOut,
    RulePatch,
    RuleQuery,
)
from .schemas_groups import (
    GroupIn,
    GroupOut,
    GroupPatch,
    GroupQuery,
    MemberIn,
    MemberOut,
    MemberPatch,
    MemberPath,
    MemberQuery,
)

room = Room("access", __name__, title="Access")


@room.get("/access/explain", responses={200: Explanation}, summary="Why somebody may or may not do something")
def explain(query: ExplainQuery) -> Response:
    known = current_app.extensions
    return answer(service_explain.explain(work(), known["resources"], known["actions"], query))


@room.get("/access/actions", responses={200: ActionList}, summary="Every action there is")
def list_actions() -> Response:
    known = current_app.extensions
    return answer(service_explain.catalogue(work(), known["actions"], known["recorded"]))


@room.get("/groups", responses={200: Page[GroupOut]}, summary="Groups")
def list_groups(query: GroupQuery) -> Response:
    found = service_groups.visible(work(), query.external_id, query.q)
    paged = listed(work().session, found, Group.id, query, sorts={"name": Group.name})
    return page_of(GroupOut, paged)


@room.post("/groups", responses={201: GroupOut}, summary="Create a group")
def create_group(body: GroupIn) -> Response:
    group = service_groups.create(work(), body)
    return created(GroupOut.model_validate(group), f"/v1/groups/{group.id}")


@room.get("/groups/<uuid:id>", responses={200: GroupOut}, summary="One group")
def get_group(path: IdPath) -> Response:
    return answer(GroupOut.model_validate(service_groups.get(work(), path.id)))


@room.patch("/groups/<uuid:id>", responses={200: GroupOut}, summary="Change a group")
def patch_group(path: IdPath, body: GroupPatch) -> Response:
    group = service_groups.get(work(), path.id, "groups.update")
    check_version(group.version)
    return answer(GroupOut.model_validate(service_groups.change(work(), group, body)))


@room.delete("/groups/<uuid:id>", responses={204: None}, summary="Delete a group that nothing refers to")
def delete_group(path: IdPath) -> Response:
    group = service_groups.get(work(), path.id, "groups.delete")
    check_version(group.version)
    service_groups.delete(work(), group)
    return no_content()


def _member(row: GroupMember) -> MemberOut:
    return service_groups.describe(work(), [row])[0]


@room.get("/groups/<uuid:id>/members", responses={200: Page[MemberOut]}, summary="The members of a group")
def list_members(path: IdPath, query: MemberQuery) -> Response:
    found = service_groups.members(work(), path.id, query.external_id)
    paged = listed(work().session, found, GroupMember.user_id, query)
    return page_of(MemberOut, paged, service_groups.describe(work(), paged.rows))


@room.post("/groups/<uuid:id>/members", responses={201: MemberOut}, summary="Add a user to a group")
def add_member(path: IdPath, body: MemberIn) -> Response:
    row = service_groups.add_member(work(), path.id, body)
    return created(_member(row), f"/v1/groups/{path.id}/members/{body.user_id}")


@room.get("/groups/<uuid:id>/members/<uuid:user_id>", responses={200: MemberOut}, summary="One member of a group")
def get_member(path: MemberPath) -> Response:
    return answer(_member(service_groups.member(work(), path.id, path.user_id)))


@room.patch("/groups/<uuid:id>/members/<uuid:user_id>", responses={200: MemberOut}, summary="Change a membership")
def patch_member(path: MemberPath, body: MemberPatch) -> Response:
    row = service_groups.change_member(work(), path.id, path.user_id, body)
    return answer(_member(row))


@room.delete("/groups/<uuid:id>/members/<uuid:user_id>", responses={204: None}, summary="Take a user out of a group")
def remove_member(path: MemberPath) -> Response:
    service_groups.remove_member(work(), path.id, path.user_id)
    return no_content()


def _role(row: RoleRow) -> RoleOut:
    role = service.role_of(row)
    return RoleOut(
        id=row.id, version=row.version, created_at=row.created_at, updated_at=row.updated_at, name=row.name,
        description=role.description, actions=list(role.actions), reach=role.reach, own_actions=list(role.own_actions),
        is_builtin=row.is_builtin,
    )  # fmt: skip


@room.get("/roles", responses={200: Page[RoleOut]}, summary="Roles")
def list_roles(query: RoleQuery) -> Response:
    found = service_roles.visible(work(), query.q)
    paged = listed(work().session, found, RoleRow.id, query, sorts={"name": RoleRow.name})
    return page_of(RoleOut, paged, [_role(row) for row in paged.rows])


@room.post("/roles", responses={201: RoleOut}, summary="Create a role")
def create_role(body: RoleIn) -> Response:
    row = service_roles.create(work(), body)
    return created(_role(row), f"/v1/roles/{row.id}")


@room.get("/roles/<uuid:id>", responses={200: RoleOut}, summary="One role")
def get_role(path: IdPath) -> Response:
    return answer(_role(service_roles.get(work(), path.id)))


@room.patch("/roles/<uuid:id>", responses={200: RoleOut}, summary="Change a role of your own making")
def patch_role(path: IdPath, body: RolePatch) -> Response:
    row = service_roles.get(work(), path.id, "roles.update")
    check_version(row.version)
    return answer(_role(service_roles.change(work(), row, body)))


@room.delete("/roles/<uuid:id>", responses={204: None}, summary="Delete a role that nothing refers to")
def delete_role(path: IdPath) -> Response:
    row = service_roles.get(work(), path.id, "roles.delete")
    check_version(row.version)
    service_roles.delete(work(), row)
    return no_content()


def _binding(row: RoleBinding) -> BindingOut:
    return service_roles.describe(work(), [row])[0]


@room.get("/role-bindings", responses={200: Page[BindingOut]}, summary="Who holds which role where")
def list_bindings(query: BindingQuery) -> Response:
    found = service_roles.bindings(work(), query)
    paged = listed(work().session, found, RoleBinding.id, query)
    return page_of(BindingOut, paged, service_roles.describe(work(), paged.rows))


@room.post("/role-bindings", responses={201: BindingOut}, summary="Give a role to a user or a group")
def create_binding(body: BindingIn) -> Response:
    row = service_roles.bind(work(), body)
    return created(_binding(row), f"/v1/role-bindings/{row.id}")


@room.get("/role-bindings/<uuid:id>", responses={200: BindingOut}, summary="One role binding")
def get_binding(path: IdPath) -> Response:
    return answer(_binding(service_roles.binding(work(), path.id)))


@room.patch("/role-bindings/<uuid:id>", responses={200: BindingOut}, summary="Change a role binding")
def patch_binding(path: IdPath, body: BindingPatch) -> Response:
    row = service_roles.binding(work(), path.id, "role_bindings.update")
    check_version(row.version)
    return answer(_binding(service_roles.rebind(work(), row, body)))


@room.delete("/role-bindings/<uuid:id>", responses={204: None}, summary="Take a role away")
def delete_binding(path: IdPath) -> Response:
    row = service_roles.binding(work(), path.id, "role_bindings.delete")
    check_version(row.version)
    service_roles.unbind(work(), row)
    return no_content()


@room.get("/policy-rules", responses={200: Page[RuleOut]}, summary="Policy rules")
def list_rules(query: RuleQuery) -> Response:
    found = service_rules.visible(work(), query)
    paged = listed(work().session, found, PolicyRule.id, query, sorts={"name": PolicyRule.name})
    return page_of(RuleOut, paged, service_rules.describe(work(), paged.rows))


@room.post("/policy-rules", responses={201: RuleOut}, summary="Write a policy rule")
def create_rule(body: RuleIn) -> Response:
    rule = service_rules.create(work(), body)
    return created(service_rules.described(work(), rule), f"/v1/policy-rules/{rule.id}")


@room.get("/policy-rules/<uuid:id>", responses={200: RuleOut}, summary="One policy rule")
def get_rule(path: IdPath) -> Response:
    return answer(service_rules.described(work(), service_rules.get(work(), path.id)))


@room.patch("/policy-rules/<uuid:id>", responses={200: RuleOut}, summary="Change a policy rule")
def patch_rule(path: IdPath, body: RulePatch) -> Response:
    rule = service_rules.get(work(), path.id, "policy_rules.update")
    check_version(rule.version)
    return answer(service_rules.described(work(), service_rules.change(work(), rule, body)))


@room.delete("/policy-rules/<uuid:id>", responses={204: None}, summary="Delete a policy rule")
def delete_rule(path: IdPath) -> Response:
    rule = service_rules.get(work(), path.id, "policy_rules.delete")
    check_version(rule.version)
    service_rules.delete(work(), rule)
    return no_content()
