"""As a run begins, it is asked once more whether its owner may have it."""

import uuid
from collections.abc import Callable

import pytest

from gateway.core.identity import SYSTEM, Actor
from gateway.features.access import service_roles, service_rules
from gateway.features.access.schemas import BindingIn, RuleIn
from gateway.features.identity import service as identity
from gateway.features.preferences import service as preferences
from gateway.features.preferences.schemas import PreferenceIn
from gateway.features.projects import service as projects
from gateway.features.tasks.models import Task
from tests.services.conftest import Open, PlainNode, Tasks


@pytest.fixture
def person(unit: Open) -> Actor:
    """A new member."""
    with unit(SYSTEM) as work:
        user = identity.create_user(work, f"u{uuid.uuid4().hex[:10]}")
        return identity.actor_of(work.session, user, "token", None, None)


@pytest.fixture
def refusal(node: PlainNode) -> Callable[[Task], tuple[str, str] | None]:
    """What the node hears as it begins a task's run."""
    return lambda task: node.begin(task.run_id).refusal if task.run_id else None


Refusal = Callable[[Task], tuple[str, str] | None]


def test_a_run_of_whoever_still_may_begins(unit: Open, node: PlainNode, person: Actor, refusal: Refusal) -> None:
    assert refusal(Tasks(unit, person, node).create()) is None


def test_a_run_of_a_disabled_account_is_refused(unit: Open, node: PlainNode, person: Actor, refusal: Refusal) -> None:
    task = Tasks(unit, person, node).create()
    with unit(SYSTEM) as work:
        identity.set_active(work, identity.account(work, person.handle), False)
    assert refusal(task) == ("owner_not_allowed", "Its owner may not run it any more: the account is disabled.")


def test_a_run_in_a_project_where_its_owner_lost_their_role_is_refused(
    unit: Open, node: PlainNode, person: Actor, alice: Actor, refusal: Refusal
) -> None:
    with unit(alice) as work:
        project = projects.default_project(work, alice.user_id, alice.handle)
    with unit(SYSTEM) as work:
        wish = BindingIn(
            subject_type="user", subject_id=person.user_id, role_id="member", scope_type="project", scope_id=project.id
        )
        binding = service_roles.bind(work, wish).id
        user = identity.account(work, person.handle)
        guest = identity.actor_of(work.session, user, "token", None, None)
    first, second = (Tasks(unit, guest, node).create(project_id=project.id) for _ in range(2))
    assert refusal(first) is None
    with unit(SYSTEM) as work:
        service_roles.unbind(work, service_roles.binding(work, binding))
    found = refusal(second)
    assert found is not None
    assert found[0] == "owner_not_allowed"


@pytest.mark.parametrize(("conditions", "refused"), [({}, True), ({"via": ["console"]}, False)])
def test_a_rule_that_denies_it_by_now_counts_unless_it_is_about_how_one_asks(
    unit: Open, node: PlainNode, person: Actor, refusal: Refusal, conditions: dict[str, list[str]], refused: bool
) -> None:
    task = Tasks(unit, person, node).create()
    with unit(SYSTEM) as work:
        wish = RuleIn(
            effect="deny", subject=f"user:{person.user_id}", action="tasks.create", name=f"n{uuid.uuid4().hex[:8]}",
            conditions=conditions,
        )  # fmt: skip
        service_rules.create(work, wish)
    found = refusal(task)
    assert (found is not None) is refused


def test_a_run_that_a_preference_forbids_by_now_is_refused(
    unit: Open, node: PlainNode, person: Actor, refusal: Refusal
) -> None:
    task = Tasks(unit, person, node).create(network=True)
    with unit(person) as work:
        place, entry = preferences.for_change(work, "write", "user", person.user_id, "security.network.allowed")
        preferences.put(work, place, entry, PreferenceIn(value=False))
    found = refusal(task)
    assert found is not None
    assert found[0] == "forbidden_by_preference"
