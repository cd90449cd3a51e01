"""What the agent remembers of its steps."""

import pytest

from gateway.core.clock import now
from gateway.core.identity import SYSTEM
from gateway.features.agents import service_steps
from gateway.features.agents.service_steps import Step
from gateway.features.limits.service_spending import MOST_TOLD
from tests.services.conftest import Open, PlainNode, Tasks


@pytest.mark.parametrize(("told", "kept"), [(-5, 0), (7, 7), (10**30, MOST_TOLD)])
def test_what_a_server_counts_of_a_step_is_believed_within_bounds(
    unit: Open, mine: Tasks, node: PlainNode, told: int, kept: int
) -> None:
    run_id = mine.create().run_id
    assert run_id is not None
    plan = node.begin(run_id)
    step = Step("", "model", "hello", now(), prompt_tokens=told, completion_tokens=told)
    with unit(SYSTEM) as work:
        service_steps.record(work, plan, node.holder, step)
        [stored] = service_steps.done(work, plan)
        assert (stored.prompt_tokens, stored.completion_tokens) == (kept, kept)
    node.end(run_id)
