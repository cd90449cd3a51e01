"""Roles, groups, projects and rules in the database: who sees what, and who may give what."""

import uuid
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from gateway import registry
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.core.identity import SYSTEM, Actor
from gateway.core.rights import Rule, of_roles
from gateway.core.unit_of_work import Work
from gateway.features.access import service as access
from gateway.features.access import service_explain, service_groups, service_roles, service_rules
from gateway.features.access.schemas import (
    BindingIn,
    BindingPatch,
    BindingQuery,
    ExplainQuery,
    Explanation,
    RoleIn,
    RuleIn,
    RuleQuery,
    selector_of,
)
from gateway.features.access.schemas_groups import GroupIn, GroupPatch, MemberIn, MemberPatch
from gateway.features.identity import service as identity
from gateway.features.identity import service_tokens
from gateway.features.identity.models import ApiToken
from gateway.features.nodes import service as nodes
from gateway.features.nodes import service_presence as presence
from gateway.features.projects import service as projects
from gateway.features.projects.schemas import ProjectIn
from gateway.features.providers import service as providers
from gateway.features.providers.schemas import ProviderIn, ProviderQuery
from gateway.features.settings import service as settings
from gateway.features.settings.schemas import SettingQuery
from gateway.features.tasks import queries
from gateway.features.tasks import service as tasks
from gateway.features.tasks.schemas import TaskIn
from tests.services.conftest import Open, Tasks


@pytest.fixture
def person(unit: Open) -> Callable[..., Actor]:
    """Makes people with the rights that the database gives them, asked for anew with each call of `now`."""

    def make(role: str = "member") -> Actor:
        with unit(SYSTEM) as work:
            user = identity.create_user(work, f"u{uuid.uuid4().hex[:10]}", role=role)
            return identity.actor_of(work.session, user, "token", user.id, "127.0.0.1")

    return make


@pytest.fixture
def custom(system: Callable[..., Any], person: Callable[..., Actor]) -> Callable[..., Actor]:
    """Makes people with a role of these actions alone."""

    def make(*actions: str, reach: str = "all") -> Actor:
        role = RoleIn.model_validate({"name": f"r{uuid.uuid4().hex[:8]}", "actions": actions, "reach": reach})
        return person(system(service_roles.create, role).name)

    return make


@pytest.fixture
def now(unit: Open) -> Callable[[Actor], Actor]:
    """The same person with the rights of this moment."""

    def again(actor: Actor) -> Actor:
        with unit(SYSTEM) as work:
            user = identity.account(work, actor.handle)
            return identity.actor_of(work.session, user, "token", user.id, "127.0.0.1")

    return again


@pytest.fixture
def system(unit: Open) -> Callable[..., Any]:
    """One call of a service as the system."""

    def call(act: Callable[..., Any], *arguments: Any) -> Any:
        with unit(SYSTEM) as work:
            return act(work, *arguments)

    return call


def give(actor: Actor, role: str, project: uuid.UUID | None = None) -> BindingIn:
    scope = {"scope_type": "project", "scope_id": project} if project else {}
    return BindingIn(subject_type="user", subject_id=actor.user_id, role_id=role, **scope)


def seen(unit: Open, actor: Actor, among: list[Any]) -> set[str]:
    """Which of the tasks the actor's list shows; each one that it shows can be read alone, and no other."""
    wanted = [task.id for task in among]
    with unit(actor) as work:
        listed = set(work.session.scalars(queries.visible(actor).where(queries.Task.id.in_(wanted))))
        names = {task.name for task in listed}
        alone = {task.name for task in among if queries.one(work.session, actor, task.id) is not None}
    assert names == alone
    return names


def roles_shown(work: Work, actor: Actor) -> list[str]:
    """What the account's roles are said to be, which are those that decide."""
    roles = identity.roles_of(work, identity.get(work, actor.user_id))
    assert frozenset(roles) == access.rights_of(work.session, actor.user_id).roles
    return roles


def explained(work: Work, actor: Actor, action: str, resource: str) -> Explanation:
    return asked(work, user_id=actor.user_id, action=action, resource=resource)


def asked(work: Work, **wish: Any) -> Explanation:
    return service_explain.explain(work, registry.resources(), registry.actions(), ExplainQuery(**wish))


def test_a_project_role_opens_that_project_and_nothing_else(
    unit: Open, mine: Tasks, person: Callable[..., Actor], now: Callable[[Actor], Actor], system: Callable[..., Any]
) -> None:
    task = mine.create(name="opened")
    guest = person("viewer")
    assert seen(unit, guest, [task]) == set()
    binding = system(service_roles.bind, give(guest, "viewer", task.project_id))
    guest = now(guest)
    assert seen(unit, guest, [task]) == {task.name}
    with pytest.raises(Forbidden), unit(guest) as work:
        tasks.cancel(work, task.id)
    system(lambda work: service_roles.unbind(work, service_roles.binding(work, binding.id)))
    assert seen(unit, now(guest), [task]) == set()


def test_a_group_gives_its_roles_to_active_members_of_an_active_group(
    unit: Open, mine: Tasks, person: Callable[..., Actor], now: Callable[[Actor], Actor], system: Callable[..., Any]
) -> None:
    task = mine.create(name="for operators")
    someone = person("viewer")
    group = system(service_groups.create, GroupIn(name=f"g{uuid.uuid4().hex[:8]}"))
    system(service_roles.bind, BindingIn(subject_type="group", subject_id=group.id, role_id="operator"))
    assert seen(unit, now(someone), [task]) == set()
    system(service_groups.add_member, group.id, MemberIn(user_id=someone.user_id))
    member = now(someone)
    assert seen(unit, member, [task]) == {task.name}
    assert member.groups == (group.name,)
    assert system(roles_shown, someone) == ["operator", "viewer"]
    system(service_groups.change_member, group.id, someone.user_id, MemberPatch(is_active=False))
    assert seen(unit, now(someone), [task]) == set()
    assert system(roles_shown, someone) == ["viewer"]
    system(service_groups.change_member, group.id, someone.user_id, MemberPatch(is_active=True))
    system(lambda work: service_groups.change(work, service_groups.get(work, group.id), GroupPatch(is_active=False)))
    assert seen(unit, now(someone), [task]) == set()


def test_rules_take_single_things_projects_and_kinds_out_of_a_list(
    unit: Open, mine: Tasks, alice: Actor, now: Callable[[Actor], Actor], system: Callable[..., Any]
) -> None:
    kept, hidden = mine.create(name="kept"), mine.create(name="hidden")

    def deny(**fields: Any) -> Any:
        subject = {"type": "user", "id": alice.user_id}
        return system(service_rules.create, RuleIn(effect="deny", subject=subject, action="tasks.read", **fields))

    def undo(rule: Any) -> None:
        system(lambda work: service_rules.delete(work, service_rules.get(work, rule.id)))

    for fields, left in (
        ({"resource": f"tasks/{hidden.id}"}, {kept.name}),
        ({"resource": f"project/{kept.project_id}"}, set()),
        ({"resource": "tasks"}, set()),
        ({"conditions": {"own": True}}, set()),
        ({"conditions": {"own": False}}, {kept.name, hidden.name}),
        ({"conditions": {"via": ["console"]}}, {kept.name, hidden.name}),
    ):
        rule = deny(**fields)
        assert seen(unit, now(alice), [kept, hidden]) == left, fields
        undo(rule)
    assert seen(unit, now(alice), [kept, hidden]) == {kept.name, hidden.name}


def test_nobody_hands_on_what_they_do_not_have(unit: Open, person: Callable[..., Actor]) -> None:
    admin, operator, victim = person("admin"), person("operator"), person()

    def refused(actor: Actor, act: Callable[[Work], Any]) -> None:
        with pytest.raises(Forbidden), unit(actor) as work:
            act(work)

    refused(admin, lambda work: service_roles.bind(work, give(victim, "owner")))
    refused(operator, lambda work: service_roles.bind(work, give(operator, "admin")))
    with unit(admin) as work:
        service_roles.bind(work, give(victim, "operator"))
    # A project's admin rules there, and nowhere else.
    with unit(SYSTEM) as work:
        project = projects.default_project(work, victim.user_id, victim.handle)
        service_roles.bind(work, give(operator, "admin", project.id))
        head = identity.actor_of(work.session, identity.account(work, operator.handle), "token", operator.user_id, None)
    with unit(head) as work:
        service_roles.bind(work, give(admin, "viewer", project.id))
    refused(head, lambda work: service_roles.bind(work, give(head, "admin")))
    refused(head, lambda work: service_roles.create(work, RoleIn(name="sneaky", actions=["*"], reach="all")))


def test_a_role_can_look_at_all_and_change_what_its_holder_owns(
    unit: Open, mine: Tasks, person: Callable[..., Actor], now: Callable[[Actor], Actor], system: Callable[..., Any]
) -> None:
    wish = RoleIn(name="curator", actions=["*.read", "roles.*"], reach="all", own_actions=["tasks.*"])
    role = system(service_roles.create, wish)
    curator = person("viewer")
    system(service_roles.bind, BindingIn(subject_type="user", subject_id=curator.user_id, role_id=role.id))
    theirs = mine.create(name="theirs")
    curator = now(curator)
    assert seen(unit, curator, [theirs]) == {theirs.name}
    with pytest.raises(Forbidden, match="it belongs to another user"), unit(curator) as work:
        tasks.cancel(work, theirs.id)
    with unit(curator) as work:
        own = tasks.create(work, TaskIn(commands=["true"]))
    with unit(curator) as work:
        assert tasks.cancel(work, own.id).status == "canceled"
    # Who may do it on their own things alone does not hand it on, as it would then be on others'.
    with pytest.raises(Forbidden, match="nobody hands on"), unit(curator) as work:
        service_roles.create(work, wish.model_copy(update={"name": "another"}))


def test_the_last_owner_stays_one(unit: Open, system: Callable[..., Any], rows: Callable[..., list[Any]]) -> None:
    """Owners who are disabled, as other tests leave them, count for nothing."""
    [(binding,)] = rows(
        "SELECT role_bindings.id FROM role_bindings JOIN roles ON roles.id = role_id JOIN users ON users.id = user_id"
        " WHERE roles.name = 'owner' AND users.is_active"
    )
    with pytest.raises(Conflict, match="no active owner"):
        system(lambda work: service_roles.unbind(work, service_roles.binding(work, binding)))


@pytest.mark.parametrize("action", ["*", "policy_rules.*", "*.delete", "policy_rules.update"])
def test_no_rule_keeps_every_owner_from_the_rules(unit: Open, action: str, rows: Callable[..., list[Any]]) -> None:
    [(owner,)] = rows("SELECT id FROM users WHERE handle = 'owner'")
    for subject in ("*", f"user:{owner}"):
        with pytest.raises(Conflict, match="taken back"), unit(SYSTEM) as work:
            service_rules.create(work, RuleIn(effect="deny", subject=subject, action=action))


def test_an_owner_whom_a_rule_keeps_from_the_rules_is_not_left_alone(
    system: Callable[..., Any], person: Callable[..., Actor], rows: Callable[..., list[Any]]
) -> None:
    [(kept,)] = rows("SELECT id FROM users WHERE handle = 'owner'")
    other = person("owner")
    [(binding,)] = rows("SELECT id FROM role_bindings WHERE user_id = :id", id=other.user_id)
    wish = RuleIn(effect="deny", subject=f"user:{kept}", action="policy_rules.*")
    rule = system(service_rules.create, wish)
    with pytest.raises(Conflict, match="every owner") as refused:
        system(lambda work: service_roles.unbind(work, service_roles.binding(work, binding)))
    assert refused.value.code == "would_lock_out"
    system(lambda work: service_rules.delete(work, service_rules.get(work, rule.id)))
    system(lambda work: service_roles.unbind(work, service_roles.binding(work, binding)))


def test_what_is_referred_to_is_not_deleted(unit: Open, system: Callable[..., Any]) -> None:
    group = system(service_groups.create, GroupIn(name=f"g{uuid.uuid4().hex[:8]}"))
    role = system(service_roles.create, RoleIn(name=f"r{uuid.uuid4().hex[:8]}", actions=["tasks.read"]))
    binding = system(service_roles.bind, BindingIn(subject_type="group", subject_id=group.id, role_id=role.id))
    with pytest.raises(Conflict, match="1 role binding"):
        system(lambda work: service_groups.delete(work, service_groups.get(work, group.id)))
    with pytest.raises(Conflict, match="1 role binding"):
        system(lambda work: service_roles.delete(work, service_roles.get(work, role.id)))
    system(lambda work: service_roles.unbind(work, service_roles.binding(work, binding.id)))
    system(lambda work: service_groups.delete(work, service_groups.get(work, group.id)))
    system(lambda work: service_roles.delete(work, service_roles.get(work, role.id)))


def test_who_keeps_a_projects_bindings_sees_those_and_takes_none_elsewhere(
    unit: Open, mine: Tasks, person: Callable[..., Actor], now: Callable[[Actor], Actor], system: Callable[..., Any]
) -> None:
    here, keeper, guest = mine.create().project_id, person("viewer"), person("viewer")
    with unit(person()) as work:
        there = projects.create(work, ProjectIn(slug=f"p{uuid.uuid4().hex[:10]}")).id
    system(service_roles.bind, give(keeper, "admin", here))
    system(service_roles.bind, give(keeper, "member", there))
    binding = system(service_roles.bind, give(guest, "viewer", here))
    elsewhere = system(service_roles.bind, give(guest, "viewer", there))
    with unit(now(keeper)) as work:
        listed = work.session.scalars(service_roles.bindings(work, BindingQuery())).all()
        assert {row.project_id for row in listed} == {here}
        assert binding.id in {row.id for row in listed}
        row = service_roles.binding(work, binding.id, "role_bindings.update")
        with pytest.raises(Forbidden, match="in certain projects only"):
            service_roles.rebind(work, row, BindingPatch(scope_type="project", scope_id=there))
        with pytest.raises(Forbidden):
            service_roles.binding(work, elsewhere.id)
    with pytest.raises(Forbidden), unit(now(guest)) as work:
        service_roles.bindings(work, BindingQuery())


def test_what_a_rule_allows_a_group_or_role_is_handed_on_by_whoever_has_it(
    unit: Open, custom: Callable[..., Actor], person: Callable[..., Actor], system: Callable[..., Any]
) -> None:
    keeper, someone = custom("groups.*", "role_bindings.*", "tasks.read"), person()
    group = system(service_groups.create, GroupIn(name=f"g{uuid.uuid4().hex[:8]}"))
    role = system(service_roles.create, RoleIn(name=f"r{uuid.uuid4().hex[:8]}", actions=["tasks.read"]))
    subjects = [f"{kind}:{each.id}" for kind, each in (("group", group), ("role", role))]
    rules = [
        system(service_rules.create, RuleIn(effect="allow", subject=subject, action="settings.write"))
        for subject in subjects
    ]

    def join() -> None:
        with unit(keeper) as work:
            service_groups.add_member(work, group.id, MemberIn(user_id=someone.user_id))

    def bind() -> None:
        with unit(keeper) as work:
            service_roles.bind(work, BindingIn(subject_type="user", subject_id=someone.user_id, role_id=role.id))

    for act, rule in zip((join, bind), rules, strict=True):
        with pytest.raises(Forbidden, match=r"settings\.write"):
            act()
        system(lambda work, id_: service_rules.delete(work, service_rules.get(work, id_)), rule.id)
        act()


def test_an_admin_unmakes_no_owner_by_a_group(
    unit: Open, person: Callable[..., Actor], system: Callable[..., Any]
) -> None:
    group = system(service_groups.create, GroupIn(name=f"g{uuid.uuid4().hex[:8]}"))
    system(service_roles.bind, BindingIn(subject_type="group", subject_id=group.id, role_id="owner"))
    admin, owner = person("admin"), person()
    system(service_groups.add_member, group.id, MemberIn(user_id=owner.user_id))
    for act in (
        lambda work: service_groups.remove_member(work, group.id, owner.user_id),
        lambda work: service_groups.change_member(work, group.id, owner.user_id, MemberPatch(is_active=False)),
        lambda work: service_groups.change(work, service_groups.get(work, group.id), GroupPatch(is_active=False)),
    ):
        with pytest.raises(Forbidden, match="unmakes owners"), unit(admin) as work:
            act(work)
    system(service_groups.remove_member, group.id, owner.user_id)


def test_whoever_keeps_accounts_rises_above_none_that_reaches_further(
    unit: Open, custom: Callable[..., Actor], person: Callable[..., Actor], system: Callable[..., Any]
) -> None:
    """Whoever could make an account of any role, or set its password, would have what it has."""
    desk, keeper, operator, member = custom("users.*"), custom("settings.*", reach="own"), person("operator"), person()
    role = system(service_roles.create, RoleIn(name=f"r{uuid.uuid4().hex[:8]}", actions=["settings.write"]))

    def reset(actor: Actor) -> None:
        with unit(desk) as work:
            identity.reset_password(work, identity.to_change(work, actor.user_id), "a long enough password")

    for above in (keeper, operator):
        with pytest.raises(Forbidden, match="only who is"):
            reset(above)
    with pytest.raises(Forbidden, match=r"settings\.write"), unit(desk) as work:
        identity.create_user(work, f"u{uuid.uuid4().hex[:10]}", role=role.name)
    reset(member)
    with unit(desk) as work:
        identity.create_user(work, f"u{uuid.uuid4().hex[:10]}", role="member")


def test_an_admin_whom_a_rule_denies_something_makes_and_becomes_no_other_admin(
    unit: Open, person: Callable[..., Actor], now: Callable[[Actor], Actor], system: Callable[..., Any]
) -> None:
    admin, other, member = person("admin"), person("admin"), person()
    wish = RuleIn(effect="deny", subject=f"user:{admin.user_id}", action="settings.write")
    rule = system(service_rules.create, wish)
    for act in (
        lambda work: identity.create_user(work, f"u{uuid.uuid4().hex[:10]}", role="admin"),
        lambda work: service_roles.bind(work, give(member, "admin")),
        lambda work: identity.reset_password(work, identity.to_change(work, other.user_id), "a long enough password"),
    ):
        with pytest.raises(Forbidden), unit(now(admin)) as work:
            act(work)
    system(lambda work: service_rules.delete(work, service_rules.get(work, rule.id)))
    with unit(now(admin)) as work:
        service_roles.bind(work, give(member, "admin"))


def test_explain_names_grant_group_and_rule(
    unit: Open, mine: Tasks, person: Callable[..., Actor], now: Callable[[Actor], Actor], system: Callable[..., Any]
) -> None:
    task = mine.create(name="explained")
    someone = person("viewer")
    group = system(service_groups.create, GroupIn(name=f"g{uuid.uuid4().hex[:8]}"))
    system(service_groups.add_member, group.id, MemberIn(user_id=someone.user_id))
    system(service_roles.bind, BindingIn(subject_type="group", subject_id=group.id, role_id="operator"))
    said = system(explained, someone, "tasks.cancel", f"tasks/{task.id}")
    assert (said.decision, said.grant.role, said.grant.group) == ("allow", "operator", group.name)
    rule = system(
        service_rules.create, RuleIn(name=f"hands off {task.id}", effect="deny", subject="*", action="tasks.cancel",
                                     resource=f"tasks/{task.id}")
    )  # fmt: skip
    said = system(explained, someone, "tasks.cancel", f"tasks/{task.id}")
    assert (said.decision, said.rule.id, said.rule.holds) == ("deny", rule.id, True)
    assert said.allowed is False
    with pytest.raises(Forbidden, match="hands off"), unit(now(mine.actor)) as work:
        tasks.cancel(work, task.id)
    system(lambda work: service_rules.delete(work, service_rules.get(work, rule.id)))


def test_explain_knows_every_kind_that_is_decided_about(
    system: Callable[..., Any], person: Callable[..., Actor]
) -> None:
    """A thing that nobody owns goes by any name; of all others there has to be one of that id."""
    admin = person("admin")
    for name, kinds in registry.resources().items():
        if kinds[0].is_owned or name == "role_bindings":
            said = system(explained, admin, "users.read", f"{name}/{uuid.uuid4()}")
            assert (said.decision, said.decided_by) == ("deny", "absence"), name
        else:
            assert system(explained, admin, "users.read", f"{name}/any/name:1").allowed
    with pytest.raises(Invalid, match="no kind of things"):
        system(explained, admin, "users.read", "unknown/1")
    for action in ("unknown.read", *registry.recorded()):
        with pytest.raises(Invalid, match="nobody is asked"):
            system(explained, admin, action, "*")


def test_what_is_gone_and_what_one_may_not_know_of_are_explained_alike(
    unit: Open, mine: Tasks, person: Callable[..., Actor], system: Callable[..., Any]
) -> None:
    task, stranger, nowhere = mine.create(name="not theirs"), person(), uuid.uuid4()
    with unit(stranger) as work:
        unknown, gone = (explained(work, stranger, "tasks.read", f"tasks/{id_}") for id_ in (task.id, nowhere))
        hidden, absent = (asked(work, action="tasks.create", project_id=id_) for id_ in (task.project_id, nowhere))
        for token_id in (nowhere, _token(system, mine.actor).id):
            with pytest.raises(NotFound, match="no such token, or it is not yours"):
                asked(work, token_id=token_id, action="tasks.read")
    assert unknown.model_dump(exclude={"resource"}) == gone.model_dump(exclude={"resource"})
    assert hidden == absent
    assert (gone.decided_by, absent.decided_by) == ("absence", "absence")
    said = system(explained, stranger, "tasks.read", f"tasks/{task.id}")
    assert (said.decided_by, said.reason) == ("role", "it belongs to another user")


def test_a_token_is_explained_with_its_scopes_and_as_long_as_it_lives(
    unit: Open, mine: Tasks, system: Callable[..., Any]
) -> None:
    token = _token(system, mine.actor)
    said = system(lambda work: asked(work, token_id=token.id, action="tasks.read"))
    assert (said.allowed, said.token_id, said.scopes) == (True, token.id, ["tasks.read"])
    assert said.user_id == mine.actor.user_id
    said = system(lambda work: asked(work, token_id=token.id, action="tasks.cancel"))
    assert (said.allowed, said.decided_by) == (False, "scope")
    with unit(replace(mine.actor, scopes=("tasks.read", "access.explain"))) as work:
        said = asked(work, action="tasks.cancel")
        assert (said.decided_by, said.scopes) == ("scope", ["tasks.read", "access.explain"])
    system(service_tokens.revoke_token, token.id)
    said = system(lambda work: asked(work, token_id=token.id, action="tasks.read"))
    assert (said.allowed, said.decided_by) == (False, "credential")


def _token(system: Callable[..., Any], holder: Actor) -> ApiToken:
    def made(work: Work) -> ApiToken:
        return service_tokens.create_token(work, "t", ["tasks.read"], None, identity.account(work, holder.handle))[0]

    return system(made)  # type: ignore[no-any-return]


def test_a_user_owns_their_account_and_their_preferences(
    system: Callable[..., Any], person: Callable[..., Actor]
) -> None:
    member, other = person(), person()
    for action, resource in (
        ("self.update", "users/{}"),
        ("preferences.write", "preferences/user/{}/language.preferred"),
    ):
        assert system(explained, member, action, resource.format(member.user_id)).allowed
        assert not system(explained, member, action, resource.format(other.user_id)).allowed


def test_a_rule_names_a_model_with_a_colon(system: Callable[..., Any], person: Callable[..., Actor]) -> None:
    rule = system(service_rules.create, RuleIn(effect="deny", subject="*", action="models.use",
                                               resource="models/ollama/qwen3:4b"))  # fmt: skip
    said = system(explained, person(), "models.use", "models/ollama/qwen3:4b")
    assert (said.allowed, said.rule.id) == (False, rule.id)
    system(lambda work: service_rules.delete(work, service_rules.get(work, rule.id)))


def test_members_are_found_by_the_ids_that_a_directory_gave_them(
    unit: Open, person: Callable[..., Actor], system: Callable[..., Any]
) -> None:
    group, other = (system(service_groups.create, GroupIn(name=f"g{uuid.uuid4().hex[:8]}")) for _ in range(2))
    first, second = person(), person()
    system(service_groups.add_member, group.id, MemberIn(user_id=first.user_id, external_id="cn=first"))
    with pytest.raises(Conflict, match="external id cn=first") as refused:
        system(service_groups.add_member, group.id, MemberIn(user_id=second.user_id, external_id="cn=first"))
    assert refused.value.code == "name_taken"
    system(service_groups.add_member, group.id, MemberIn(user_id=second.user_id))
    system(service_groups.add_member, other.id, MemberIn(user_id=second.user_id, external_id="cn=first"))

    def change(actor: Actor, **given: Any) -> None:
        system(service_groups.change_member, group.id, actor.user_id, MemberPatch(**given))

    def found(external_id: str) -> list[uuid.UUID]:
        return system(lambda work: [row.user_id for row in work.session.scalars(
            service_groups.members(work, group.id, external_id))])  # fmt: skip

    with pytest.raises(Conflict, match="external id cn=first"):
        change(second, external_id="cn=first")
    change(first, external_id="cn=first")
    change(second, external_id="cn=second", is_active=False)
    assert (found("cn=first"), found("cn=second"), found("cn=nobody")) == ([first.user_id], [second.user_id], [])
    change(second, is_active=True)
    assert found("cn=second") == [second.user_id]
    change(first, external_id=None)
    change(second, external_id="cn=first")
    assert found("cn=first") == [second.user_id]
    with pytest.raises(Invalid):
        change(second, is_active=None)


def gone(work: Work, name: str) -> uuid.UUID:
    """A node that takes no work: it has left."""
    node = presence.join(work, name, host=name, pid=1, concurrency=1, labels={}, capabilities={})
    presence.leave(work, node.id)
    return node.id


Look = tuple[str, str, Callable[[Work], Any], Callable[[Work], Any]]
"""The action that sees a thing, its name to rules, whether a list has it, and how it is read alone."""


def looks(system: Callable[..., Any], owner: Actor) -> list[Look]:
    """One of every kind of things that nobody owns and that are listed, and an API token."""
    name = f"r{uuid.uuid4().hex[:8]}"
    group = system(service_groups.create, GroupIn(name=name))
    role = system(service_roles.create, RoleIn(name=name, actions=["tasks.read"]))
    binding = system(service_roles.bind, BindingIn(subject_type="group", subject_id=group.id, role_id=role.id))
    rule = system(service_rules.create, RuleIn(name=name, effect="deny", subject="*", action="tasks.read",
                                               is_enabled=False))  # fmt: skip
    provider = system(providers.create, ProviderIn(name=name, kind="ollama", enabled=False))
    node = system(lambda work: gone(work, name))
    user = system(identity.account, owner.handle)
    token, _ = system(service_tokens.create_token, name, None, None, user)

    def has(rows: Callable[[Work], Any], key: uuid.UUID) -> Callable[[Work], bool]:
        return lambda work: key in {row.id for row in work.session.scalars(rows(work))}

    def has_setting(work: Work) -> bool:
        return settings.page(work, SettingQuery(key_prefix="tasks.max_timeout_s")).rows != []

    return [
        ("groups.read", f"groups/{group.id}", has(service_groups.visible, group.id),
         lambda work: service_groups.get(work, group.id)),
        ("roles.read", f"roles/{role.id}", has(service_roles.visible, role.id),
         lambda work: service_roles.get(work, role.id)),
        ("role_bindings.read", f"role_bindings/{binding.id}",
         has(lambda work: service_roles.bindings(work, BindingQuery()), binding.id),
         lambda work: service_roles.binding(work, binding.id)),
        ("policy_rules.read", f"policy_rules/{rule.id}",
         has(lambda work: service_rules.visible(work, RuleQuery()), rule.id),
         lambda work: service_rules.get(work, rule.id)),
        ("providers.read", f"providers/{provider.id}",
         has(lambda work: providers.visible(work, ProviderQuery()), provider.id),
         lambda work: providers.get(work, provider.id)),
        ("nodes.read", f"nodes/{node}", has(nodes.visible, node), lambda work: nodes.get(work, node)),
        ("settings.read", "settings/tasks.max_timeout_s", has_setting,
         lambda work: settings.get(work, "tasks.max_timeout_s")),
        ("self.read", f"tokens/{token.id}", has(lambda work: service_tokens.tokens(work, None), token.id),
         lambda work: service_tokens.get_token(work, token.id)),
    ]  # fmt: skip


def test_a_list_leaves_out_what_a_rule_denies_reading_alone(
    unit: Open, system: Callable[..., Any], person: Callable[..., Actor]
) -> None:
    admin = person("admin")
    for action, resource, is_listed, read in looks(system, admin):
        selector = selector_of(resource)
        for effects in ((), (Rule(uuid.uuid4(), "hands off", "deny", action, selector),)):
            asking = replace(admin, rights=replace(of_roles(admin.roles), rules=effects))
            with unit(asking) as work:
                assert is_listed(work) is not bool(effects), resource
            with pytest.raises(Forbidden, match="hands off") if effects else nullcontext(), unit(asking) as work:
                read(work)
