"""Runs that tools outside keep: every step of their life, leases, filters, and what is a node's own."""

import itertools
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway.core.clock import now
from gateway.core.errors import Conflict, Invalid
from gateway.core.identity import SYSTEM, Actor
from gateway.core.paging import page
from gateway.core.tracing import parse
from gateway.features.runs import service, service_holding, state
from gateway.features.runs import service_external as external
from gateway.features.runs.models import Run
from gateway.features.runs.schemas import RunIn, RunPatch, RunQuery
from gateway.features.sessions import service as sessions
from gateway.features.sessions.schemas import WorkSessionIn
from tests.services.conftest import Open, PlainNode, Tasks

STATUSES = sorted(state.RUN)


def make(unit: Open, actor: Actor, traceparent: str | None = None, **wish: Any) -> Run:
    with unit(actor) as work:
        return external.create(work, RunIn(**wish), parse(traceparent))


def patch(unit: Open, actor: Actor, run_id: uuid.UUID, **changes: Any) -> Run:
    with unit(actor) as work:
        return external.change(work, service.for_change(work, run_id), RunPatch(**changes))


def found(unit: Open, actor: Actor, **filters: Any) -> list[uuid.UUID]:
    """What the list shows, in its order, read two at a time."""
    wanted = RunQuery(**filters)
    by_start = wanted.started_after is not None or wanted.started_before is not None
    ids: list[uuid.UUID] = []
    cursor: str | None = None
    with unit(actor) as work:
        query = service.visible(work, **wanted.filters())
        for _ in range(50):
            rows, cursor = page(work.session, query, Run.start_id if by_start else Run.id, limit=2, cursor=cursor)
            ids += [row.id for row in rows]
            if cursor is None:
                break
    return ids


def in_status(unit: Open, actor: Actor, status: str) -> Run:
    run = make(unit, actor, status="pending")
    if status not in ("pending", "canceled"):
        run = patch(unit, actor, run.id, status="running")
    return run if run.status == status else patch(unit, actor, run.id, status=status)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STATUSES, STATUSES)))
def test_a_run_takes_the_allowed_steps_and_no_other(unit: Open, alice: Actor, before: str, after: str) -> None:
    run = in_status(unit, alice, before)
    if after == before:
        assert patch(unit, alice, run.id, status=after).version == run.version, "no step at all"
    elif after in state.RUN[before]:
        changed = patch(unit, alice, run.id, status=after)
        assert (changed.status, changed.version) == (after, run.version + 1)
        assert (changed.ended_at is not None) == (after in state.FINISHED)
        assert (changed.started_at is not None) == (before == "running" or after == "running")
    else:
        with pytest.raises(Conflict) as refused:
            patch(unit, alice, run.id, status=after)
        assert refused.value.code == "run_transition"


def test_every_step_is_an_event(unit: Open, alice: Actor, rows: Callable[..., list[Any]]) -> None:
    run = make(unit, alice, status="pending", name="tool")
    patch(unit, alice, run.id, status="running")
    patch(unit, alice, run.id, metadata={"a": 1})
    patch(unit, alice, run.id, status="failed", error={"message": "It broke."})
    names = rows("SELECT name FROM events WHERE run_id = :id ORDER BY seq", id=run.id)
    assert [name for (name,) in names] == ["run.created", "run.started", "run.updated", "run.failed"]


def test_a_nodes_run_cannot_be_finished_by_hand(unit: Open, alice: Actor, mine: Tasks) -> None:
    task = mine.in_status("running")
    assert task.run_id is not None
    with pytest.raises(Conflict) as refused:
        patch(unit, alice, task.run_id, status="completed")
    assert refused.value.code == "run_not_external"
    assert mine.status(task) == ["running"]


def test_metadata_is_merged(unit: Open, alice: Actor) -> None:
    run = make(unit, alice, metadata={"kept": 1, "gone": 2, "deep": {"a": 1, "b": 2}})
    changed = patch(unit, alice, run.id, metadata={"gone": None, "deep": {"b": None, "c": 3}})
    assert changed.metadata_ == {"kept": 1, "deep": {"a": 1, "c": 3}}
    assert patch(unit, alice, run.id, metadata=None).metadata_ == {}
    patch(unit, alice, run.id, metadata={"a": "x" * 40_000})
    with pytest.raises(Invalid, match="longer than"):
        patch(unit, alice, run.id, metadata={"b": "x" * 40_000})


def test_a_run_that_is_not_heard_of_fails(unit: Open, alice: Actor, rows: Callable[..., list[Any]]) -> None:
    silent, alive, endless = (make(unit, alice, lease_s=lease) for lease in (5, 5, None))
    past = now() - timedelta(seconds=1)
    with unit(SYSTEM) as work:
        for run in (silent, alive):
            work.session.get_one(Run, run.id).lease_until = past
    patch(unit, alice, alive.id)
    with unit(SYSTEM) as work:
        assert external.fail_unheard_of(work) == 1
    with unit(alice) as work:
        read = [service.get(work, run.id) for run in (silent, alive, endless)]
    assert [run.status for run in read] == ["failed", "running", "running"]
    assert read[0].error is not None
    assert read[0].error["code"] == "not_heard_of"
    with pytest.raises(Conflict):
        patch(unit, alice, silent.id, status="completed")
    assert rows("SELECT 1 FROM events WHERE run_id = :id AND name = 'run.failed'", id=silent.id) == [(1,)]


def test_each_filter_narrows_the_list(unit: Open, alice: Actor, bob: Actor, mine: Tasks) -> None:
    with unit(alice) as work:
        session = sessions.create(work, WorkSessionIn(title="filtered"))
    task = mine.create(session_id=session.id)
    assert task.run_id is not None
    own = make(unit, alice, session_id=session.id)
    child = make(unit, alice, parent_run_id=own.id, status="pending")
    with unit(alice) as work:
        job = service.jobs_of(work, task.run_id)[0]
    assert found(unit, alice, task_id=task.id) == [task.run_id]
    assert found(unit, alice, job_id=job.id) == [task.run_id]
    assert found(unit, alice, session_id=session.id) == [child.id, own.id, task.run_id]
    assert found(unit, alice, parent_run_id=own.id) == [child.id]
    assert found(unit, alice, parent_run_id=own.id, status="running") == []
    assert child.id in found(unit, alice, status="pending")
    for filters in ({"session_id": session.id}, {"parent_run_id": own.id}, {"task_id": task.id}):
        assert found(unit, bob, **filters) == []


def test_runs_are_listed_by_when_they_started(unit: Open, alice: Actor) -> None:
    late = make(unit, alice, status="pending")
    before = now()
    first, second = make(unit, alice), make(unit, alice)
    between = now()
    late = patch(unit, alice, late.id, status="running")
    never = make(unit, alice, status="pending")
    ids = [late.id, second.id, first.id]
    assert found(unit, alice, started_after=before)[:3] == ids, "in the order of the start, not of the making"
    assert found(unit, alice, started_after=between) == [late.id]
    assert found(unit, alice, started_before=between)[:2] == [second.id, first.id]
    assert never.id not in found(unit, alice, started_after=before)


@pytest.mark.parametrize(
    "filters",
    [
        "session_id = :id ORDER BY id DESC",
        "parent_run_id = :id ORDER BY id DESC",
        "task_id = :id ORDER BY id DESC",
        "owner_id = :me AND status = 'running' ORDER BY id DESC",
        "owner_id = :me AND start_id > :id ORDER BY start_id DESC",
        "start_id > :id ORDER BY start_id DESC",
        "trace_id = 'x' ORDER BY id DESC",
    ],
)
def test_each_filter_is_a_range_of_an_index(unit: Open, alice: Actor, filters: str) -> None:
    """Asked without the choice of reading the whole table, which tests' small ones would be worth."""
    with unit(alice) as work:
        for switch in ("enable_seqscan", "enable_sort", "enable_bitmapscan"):
            work.session.execute(text(f"SET LOCAL {switch} = off"))
        plan = work.session.execute(
            text(f"EXPLAIN SELECT id FROM runs WHERE {filters} LIMIT 51"), {"me": alice.user_id, "id": uuid.uuid4()}
        )
        lines = "\n".join(line for (line,) in plan)
    assert "Index" in lines, lines
    assert "Sort" not in lines, lines
    # The index of open runs holds no others: read whole, it is a range that does not grow with history.
    assert "Index Cond" in lines or "using ix_runs_open" in lines, lines


def test_a_trace_goes_on_through_runs(unit: Open, alice: Actor, mine: Tasks, node: PlainNode) -> None:
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    run = make(unit, alice, traceparent=f"00-{trace}-{span}-01")
    assert (run.trace_id, run.parent_span_id) == (trace, span)
    assert run.traceparent == f"00-{trace}-{run.id.hex[16:]}-01"
    child = make(unit, alice, parent_run_id=run.id)
    assert (child.trace_id, child.parent_span_id) == (trace, run.id.hex[16:])
    alone = make(unit, alice, traceparent="00-00000000000000000000000000000000-b7ad6b7169203331-01")
    assert (alone.trace_id, alone.span.trace_id) == (None, alone.id.hex), "an invalid one counts as none"


def test_sub_agents_end_with_the_run_above_them(unit: Open, alice: Actor, mine: Tasks, node: PlainNode) -> None:
    task = mine.create()
    assert task.run_id is not None
    node.begin(task.run_id)
    with unit(SYSTEM) as work:
        above = service_holding.hold(work.session, task.run_id, node.holder)
        done = external.begin_sub_agent(work, above, "looks it up", {})
        left = external.begin_sub_agent(work, above, "is still at it", {})
        external.end_sub_agent(work, done, "completed")
    with unit(SYSTEM) as work:
        above = service_holding.hold(work.session, task.run_id, node.holder)
        below = external.begin_sub_agent(work, above, "below it", {}, left)
    assert found(unit, alice, parent_run_id=task.run_id) == [left, done]
    node.end(task.run_id, "failed")
    with unit(alice) as work:
        ended = {run_id: service.get(work, run_id).status for run_id in (done, left, below)}
    assert ended == {done: "completed", left: "failed", below: "failed"}
