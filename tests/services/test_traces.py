"""Why a run happened: the graph of causes and effects, as far as the caller may see it; replays and comparisons."""

import uuid
from collections.abc import Iterable
from dataclasses import replace

import pytest
from sqlalchemy import select

from gateway import registry
from gateway.core.clock import new_id
from gateway.core.errors import Conflict, Forbidden, NotFound
from gateway.core.events import Event
from gateway.core.identity import SYSTEM, Actor
from gateway.core.unit_of_work import Work
from gateway.features.chat import service_turns as turns
from gateway.features.chat.service_turns import Place
from gateway.features.connectors.models import Connector, ConnectorOperation
from gateway.features.hooks.models import Hook
from gateway.features.messaging.models import Delivery, Destination
from gateway.features.runs import service_external as external
from gateway.features.runs.schemas import RunIn
from gateway.features.tasks import service as tasks
from gateway.features.tasks.schemas import TaskIn
from gateway.features.traces import service, service_compare
from gateway.features.traces.schemas import ComparedText, TraceOut
from gateway.features.traces.service_compare import Pair, side_by_side
from tests.services.conftest import Open, Tasks
from tests.services.schedule_world import World

KINDS = registry.traceables()


def edges(graph: TraceOut) -> set[tuple[str, str, str]]:
    return {(edge.cause_kind, edge.effect_kind, edge.reason) for edge in graph.edges}


def ids(graph: TraceOut, kind: str) -> set[uuid.UUID]:
    return {node.id for node in graph.nodes if node.kind == kind}


def trace(unit: Open, actor: Actor, run_id: uuid.UUID | None) -> TraceOut:
    assert run_id is not None
    with unit(actor) as work:
        return service.trace(work, KINDS, run_id)


def hook_of(work: Work, owner: Actor, name: str) -> uuid.UUID:
    hook = Hook(
        id=new_id(), owner_id=owner.user_id, name=name, verify="token", verify_options={}, action={}, rate_per_minute=60
    )
    work.session.add(hook)
    work.session.flush()
    return hook.id


def test_a_run_is_led_back_to_what_began_it_and_forth_to_what_came_of_it(unit: Open, alice: Actor, mine: Tasks) -> None:
    with unit(alice) as work:
        hook = hook_of(work, alice, "deploys")
        with work.because("hooks", hook, "called"):
            first = tasks.create(work, TaskIn(commands=["true"], name="first"))
        second = tasks.create(work, TaskIn(commands=["true"], depends_on=[first.id]))
    assert first.run_id is not None
    with unit(alice) as work, work.because("runs", first.run_id, "the agent submitted it"):
        made = tasks.create(work, TaskIn(commands=["true"]))
    other = mine.create()
    graph = trace(unit, alice, first.run_id)
    assert edges(graph) == {
        ("hooks", "tasks", "called"),
        ("tasks", "runs", "was carried out"),
        ("tasks", "tasks", "had to be completed first"),
        ("runs", "tasks", "the agent submitted it"),
    }
    assert ids(graph, "tasks") == {first.id, second.id, made.id}
    assert other.id not in ids(graph, "tasks")
    [named] = [node for node in graph.nodes if node.kind == "hooks"]
    assert (named.title, graph.is_cut) == ("deploys", False)
    assert {node.by for node in graph.nodes if node.id == first.id} == {"alice"}
    assert "hooks" in {node.kind for node in trace(unit, alice, made.run_id).nodes}, "it leads all the way back"


def test_a_firing_is_led_back_to_its_schedule_and_to_what_set_it_off(
    world: World, mine: Tasks, unit: Open, alice: Actor
) -> None:
    first = world.make(name="backup")
    after = world.make(name="tidy up", trigger={"kind": "schedule", "schedule_id": str(first.id)})
    planned = world.look(first).next_planned_at
    world.wait(hours=1)
    backed_up = mine.get(world.tasks(first)[0].id)
    mine.finish(backed_up)
    world.wake()
    graph = trace(unit, alice, mine.get(world.tasks(after)[0].id).run_id)
    assert edges(graph) == {
        ("schedules", "firings", "planned"),
        ("firings", "tasks", "fired"),
        ("tasks", "runs", "was carried out"),
        ("tasks", "firings", "it was completed"),
        ("schedules", "firings", "schedule:backup"),
    }
    titles = {node.title for node in graph.nodes if node.kind in ("schedules", "firings")}
    assert {"backup", "tidy up", f"backup, planned for {planned:%Y-%m-%d %H:%M:%S} UTC"} <= titles
    world.wait(hours=1)
    again = trace(unit, alice, mine.get(world.tasks(first)[-1].id).run_id)
    assert len(ids(again, "firings")) == 1, "what set others off is not its cause"


def test_what_one_may_not_see_is_named_and_nothing_more(unit: Open, alice: Actor, bob: Actor) -> None:
    with unit(SYSTEM) as work:
        hook = hook_of(work, bob, "bobs")
    with unit(alice) as work, work.because("hooks", hook, "called"):
        task = tasks.create(work, TaskIn(commands=["true"]))
    graph = trace(unit, alice, task.run_id)
    [hidden] = [node for node in graph.nodes if node.kind == "hooks"]
    assert (hidden.id, hidden.title, hidden.time) == (hook, None, None)
    with pytest.raises(NotFound):
        trace(unit, bob, task.run_id)


def test_a_token_is_shown_nothing_but_the_id_of_what_its_scopes_leave_out(unit: Open, alice: Actor) -> None:
    with unit(alice) as work:
        hook = hook_of(work, alice, "mine")
        with work.because("hooks", hook, "called"):
            task = tasks.create(work, TaskIn(commands=["true"]))
    for scopes, shown in ((("runs.read",), {"runs"}), (("runs.read", "hooks.*"), {"runs", "hooks"}), (("*",), None)):
        graph = trace(unit, replace(alice, via="token", scopes=scopes), task.run_id)
        titled = {node.kind for node in graph.nodes if node.title is not None}
        assert titled >= {"runs", "hooks", "tasks"} if shown is None else titled == shown, scopes


def test_a_graph_without_end_is_cut_and_circles_do_not_matter(unit: Open, alice: Actor) -> None:
    with unit(alice) as work:
        task = tasks.create(work, TaskIn(commands=["true"]))
        assert task.run_id is not None
        with work.because("tasks", task.id, "circle"):
            work.caused("tasks", task.id)
        with work.because("runs", task.run_id, "circle"):
            work.caused("tasks", task.id)
            for _ in range(service.MOST_THINGS + 10):
                work.caused("operations", new_id())
    graph = trace(unit, alice, task.run_id)
    assert graph.is_cut
    assert len(graph.nodes) == service.MOST_THINGS
    known = {(node.kind, node.id) for node in graph.nodes}
    assert all({(edge.cause_kind, edge.cause_id), (edge.effect_kind, edge.effect_id)} <= known for edge in graph.edges)


def changed(inputs: Iterable[str]) -> list[str]:
    return sorted(inputs)


def test_a_replay_has_the_same_inputs_and_names_what_it_repeats(
    unit: Open, alice: Actor, bob: Actor, charlie: Actor, mine: Tasks
) -> None:
    wish = {"commands": ["echo one", "echo two"], "tags": ["x"], "env": {"A": "1"}, "timeout_s": 99}
    before = mine.create(**wish, name="again")
    mine.finish(before, "failed")
    run_id = mine.get(before.id).run_id
    assert run_id is not None
    with unit(alice) as work:
        made = service_compare.replay(work, run_id)
    assert made.run_id is not None
    with unit(alice) as work:
        compared = side_by_side(service_compare.pair(work, run_id, made.run_id))
    assert (made.commands, made.tags, made.env, made.timeout_s) == (["echo one", "echo two"], ["x"], {"A": "1"}, 99)
    assert made.name.startswith("again-replay")
    assert made.metadata["replay_of_run"] == str(run_id)
    assert ("runs", "tasks", "was replayed") in edges(trace(unit, alice, made.run_id))
    assert (compared.inputs, compared.left.status, compared.right.status) == ([], "failed", "pending")
    assert [job.command for job in compared.right.jobs] == ["echo one", "echo two"]
    with unit(bob) as work, pytest.raises(NotFound):
        service_compare.replay(work, run_id)
    with unit(bob) as work, pytest.raises(NotFound):
        service_compare.pair(work, run_id, run_id)


def test_what_differs_is_shown(unit: Open, mine: Tasks, alice: Actor) -> None:
    left, right = mine.create(commands=["true"]), mine.create(commands=["false"], tags=["new"])
    assert left.run_id is not None
    assert right.run_id is not None
    with unit(alice) as work:
        both = service_compare.pair(work, left.run_id, right.run_id)
    assert changed(both.inputs) == ["commands", "tags"]
    output, same, long = texts_of(both, {"output": "a\nb\nc", "same": "same", "long": "x" * 300_000},
                                  {"output": "a\nB\nc", "same": "same", "long": "y"})  # fmt: skip
    assert output.diff is not None
    assert output.diff.splitlines()[2:] == ["@@ -1,3 +1,3 @@", " a", "-b", "+B", " c"]
    assert (same.is_same, same.diff) == (True, None)
    assert long.is_cut


def texts_of(both: Pair, left: dict[str, str], right: dict[str, str]) -> list[ComparedText]:
    return side_by_side(replace(both, texts=(left, right))).texts


def test_of_very_much_that_was_written_the_beginning_is_compared(unit: Open, mine: Tasks, alice: Actor) -> None:
    run_id = mine.create().run_id
    assert run_id is not None
    with unit(alice) as work:
        both = service_compare.pair(work, run_id, run_id)
    wordy = {f"output of command {n}": f"{n}" * 150_000 for n in range(9)} | {"output of command 99": "x" * 900_000}
    texts = texts_of(both, wordy, {name: f"{text}." for name, text in wordy.items()})
    assert sum(len(text.left) for text in texts) <= service_compare.ALL_TEXTS
    assert [text.is_same for text in texts] == [False] * 10
    assert (texts[0].left, texts[-1].is_cut) == (wordy["output of command 0"], True)
    long = {f"output of command {n}": "line\n" * 1_500 for n in range(9)}
    texts = texts_of(both, long, {name: f"first\n{text}" for name, text in long.items()})
    assert [text.diff is not None for text in texts] == [True] * 3 + [False] * 6
    assert all(text.right.startswith("first\n") for text in texts)


def test_a_foreign_tools_run_cannot_be_replayed(unit: Open, alice: Actor) -> None:
    with unit(alice) as work:
        run = external.create(work, RunIn(name="theirs"))
        with pytest.raises(Conflict):
            service_compare.replay(work, run.id)


def test_who_may_only_look_replays_nothing(unit: Open, alice: Actor, charlie: Actor, mine: Tasks) -> None:
    looker = Actor(alice.user_id, "alice", frozenset({"viewer"}), via="test")
    run_id = mine.create().run_id
    assert run_id is not None
    with unit(looker) as work, pytest.raises(Forbidden):
        service_compare.replay(work, run_id)


def titles(graph: TraceOut) -> dict[str, set[tuple[str | None, str | None]]]:
    """Title and status of the things, by their kind."""
    found: dict[str, set[tuple[str | None, str | None]]] = {}
    for node in graph.nodes:
        found.setdefault(node.kind, set()).add((node.title, node.status))
    return found


def told_of(work: Work, owner: Actor, event: Event) -> uuid.UUID:
    """A delivery that tells of an event."""
    destination = Destination(
        id=new_id(), user_id=owner.user_id, name=f"phone-{new_id()}", destination_type="webhook", destination_config={}
    )
    delivery = Delivery(
        id=new_id(), destination_id=destination.id, user_id=owner.user_id, event_seq=event.seq, event_name=event.name,
        event={}, status="delivered",
    )  # fmt: skip
    work.session.add(destination)
    work.session.flush()
    work.session.add(delivery)
    work.session.flush()
    return delivery.id


def test_who_was_told_of_what_happened_stands_below_it(unit: Open, alice: Actor, bob: Actor, mine: Tasks) -> None:
    task = mine.create()
    mine.finish(task)
    with unit(alice) as work:
        tool = external.create(work, RunIn(name="tool"))
    with unit(SYSTEM) as work:
        of_task = work.session.scalars(
            select(Event).where(Event.task_id == task.id, Event.name == "task.completed")
        ).one()
        of_tool = work.session.scalars(select(Event).where(Event.run_id == tool.id, Event.name == "run.started")).one()
        first, second = told_of(work, alice, of_task), told_of(work, alice, of_tool)
        theirs = told_of(work, bob, of_task)
    graph = trace(unit, alice, mine.get(task.id).run_id)
    assert {("tasks", "events", "it happened"), ("events", "deliveries", "was to be told")} <= edges(graph)
    assert titles(graph)["events"] == {("task.completed", None)}, "and of nothing else that happened"
    assert ids(graph, "deliveries") == {first}
    assert theirs not in {node.id for node in graph.nodes}
    [(title, status)] = titles(graph)["deliveries"]
    assert (title or "")[:6] == "phone-"
    assert status == "delivered"
    graph = trace(unit, alice, tool.id)
    assert edges(graph) == {("runs", "events", "it happened"), ("events", "deliveries", "was to be told")}
    assert ids(graph, "deliveries") == {second}


def test_operations_of_connectors_are_named(unit: Open, alice: Actor, bob: Actor, mine: Tasks) -> None:
    task = mine.create()
    assert task.run_id is not None
    with unit(SYSTEM) as work:
        for owner in (alice, bob):
            connector = Connector(
                id=new_id(), owner_id=owner.user_id, type="slack", name=f"{owner.handle}s", description="", config={},
                rules={}, position={},
            )  # fmt: skip
            work.session.add(connector)
            work.session.flush()
            work.session.add(
                ConnectorOperation(
                    id=new_id(), connector_id=connector.id, actor_id=alice.user_id, actor="alice", operation="post",
                    mode="send", status="completed", decision="allow", reason="", arguments={}, request_bytes=0,
                    task_id=task.id,
                )
            )  # fmt: skip
    graph = trace(unit, alice, task.run_id)
    assert ("tasks", "operations", "asked for it") in edges(graph)
    assert titles(graph)["operations"] == {("post of alices", "completed"), (None, None)}, (
        "of Bob's there is an id alone"
    )


def test_a_chat_turn_of_the_agent_is_led_back_to_what_was_asked(unit: Open, alice: Actor, mine: Tasks) -> None:
    with unit(alice) as work:
        turn = turns.open_turn(work, [{"role": "user", "content": "Water\nthe garden"}], "orchestrator", Place())
        task = tasks.create(work, TaskIn(commands=["true"]))
        turns.name_task(work, turn, task.id)
    with unit(alice) as work:
        turns.close_turn(work, turn, text="It is watered.", status="complete", finish_reason="stop")
    graph = trace(unit, alice, task.run_id)
    assert edges(graph) == {
        ("threads", "messages", "holds it"),
        ("messages", "tasks", "was asked of the agent"),
        ("tasks", "messages", "answered"),
        ("tasks", "runs", "was carried out"),
    }
    assert titles(graph)["messages"] == {("Water the garden", "complete"), ("It is watered.", "complete")}
