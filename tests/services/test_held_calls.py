"""What is begun in a run at work is held against what its owner's preferences forbid at that moment."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.errors import Forbidden
from gateway.core.identity import SYSTEM, Actor
from gateway.features.access import service_rules
from gateway.features.access.schemas import ConditionsIn, RuleIn
from gateway.features.agents import service as agents
from gateway.features.identity import service as identity
from gateway.features.preferences import service as preferences
from gateway.features.preferences.schemas import PreferenceIn
from gateway.features.processes import queries, service_ports
from gateway.features.processes import service as processes
from gateway.features.processes.models import Process
from gateway.features.processes.schemas import ProcessIn
from gateway.features.settings import service as settings
from gateway.features.tasks.service_execution import Plan
from tests.services.conftest import Open, PlainNode, Tasks

NETWORK = "security.network.allowed"
DOMAINS = "security.web_browse.allowed_domains"

Prefer = Callable[[str, Any], None]


@pytest.fixture
def person(unit: Open) -> Actor:
    """Somebody who may have ports forwarded."""
    with unit(SYSTEM) as work:
        user = identity.create_user(work, f"u{uuid.uuid4().hex[:10]}", role="operator")
        return identity.actor_of(work.session, user, "token", None, None)


@pytest.fixture
def plan(unit: Open, person: Actor, node: PlainNode) -> Iterator[Plan]:
    """A run at work, in a sandbox with network."""
    task = Tasks(unit, person, node).create(network=True)
    assert task.run_id is not None
    yield node.begin(task.run_id)
    node.end(task.run_id)


@pytest.fixture
def prefer(unit: Open, plan: Plan, person: Actor) -> Prefer:
    """Sets a preference of the task."""

    def prefer(key: str, value: Any) -> None:
        with unit(person) as work:
            place, entry = preferences.for_change(work, "write", "task", plan.task_id, key)
            preferences.put(work, place, entry, PreferenceIn(value=value))

    return prefer


@pytest.fixture
def start(unit: Open, plan: Plan, person: Actor) -> Callable[[], Process]:
    """Starts a background process in the run."""

    def start() -> Process:
        with unit(person) as work:
            return processes.start(work, plan.run_id, ProcessIn(command="true"))

    return start


def test_what_is_forbidden_is_asked_anew_for_each_call(unit: Open, plan: Plan, prefer: Prefer) -> None:
    def held() -> list[str]:
        with unit(SYSTEM) as work:
            return [entry.key for entry in agents.held(work, plan)]

    assert held() == []
    prefer(NETWORK, False)
    assert held() == [NETWORK]


@pytest.mark.parametrize(("key", "value"), [(NETWORK, False), (DOMAINS, ["example.com"])])
def test_no_process_starts_beside_a_network_that_is_forbidden_by_now(
    start: Callable[[], Process], prefer: Prefer, key: str, value: Any
) -> None:
    assert start().status == "starting"
    prefer(key, value)
    with pytest.raises(Forbidden, match=f"{key} at task scope".replace(".", r"\.")) as refused:
        start()
    assert refused.value.code == "forbidden_by_preference"


def test_a_forwarded_port_is_taken_back_with_the_network_and_none_is_given(
    unit: Open, person: Actor, start: Callable[[], Process], prefer: Prefer
) -> None:
    with unit(SYSTEM) as work:
        settings.put(work, service_ports.SETTING, settings.for_change(work, service_ports.SETTING), True, None)
    process = start()

    def forward(port: int) -> None:
        with unit(person) as work:
            service_ports.forward(work, process.id, port)

    def wanted() -> set[int]:
        with unit(SYSTEM) as work:
            return set(service_ports.wanted(work, queries.open_ones(work.session, [process.run_id]))[process.id])

    forward(8000)
    with unit(replace(person, through="mcp")) as work:
        service_ports.forward(work, process.id, 8002)
    assert wanted() == {8000, 8002}
    with unit(SYSTEM) as work:
        conditions = ConditionsIn(via=["mcp"])
        rule = service_rules.create(
            work, RuleIn(effect="deny", subject=f"user:{person.user_id}", action="processes.*", conditions=conditions)
        )
    assert wanted() == {8000}, "what a model had asked for by an MCP client"
    with unit(SYSTEM) as work:
        service_rules.delete(work, service_rules.get(work, rule.id))
    prefer(DOMAINS, ["example.com"])
    assert wanted() == {8000}, "who may come is no matter of domains"
    prefer(NETWORK, False)
    with pytest.raises(Forbidden, match=r"security\.network\.allowed at task scope"):
        forward(8001)
    assert wanted() == set()
    with unit(SYSTEM) as work:
        settings.reset(work, service_ports.SETTING, settings.for_change(work, service_ports.SETTING))
