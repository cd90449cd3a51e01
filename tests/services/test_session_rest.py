"""When a session rests: what stirs it, who gets it to summarize, and what happens meanwhile."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.identity import SYSTEM, Actor
from gateway.features.agents import service_summaries as summaries
from gateway.features.runs import service as runs
from gateway.features.runs import service_external as external
from gateway.features.runs.schemas import RunIn, RunPatch
from gateway.features.sessions import service
from gateway.features.sessions import service_rest as rest
from gateway.features.sessions.schemas import WorkSessionIn
from gateway.features.sessions.service_rest import Rested
from tests.services.conftest import Open, PlainNode, Tasks

PATIENCE = timedelta(minutes=10)
Rows = Callable[..., list[Any]]


def make(unit: Open, actor: Actor) -> uuid.UUID:
    with unit(actor) as work:
        return service.create(work, WorkSessionIn(title="work")).id


def ago(database: Database, session_id: uuid.UUID, seconds: float) -> None:
    """As if what last happened had happened then."""
    with database.engine.begin() as connection:
        moment = now() - timedelta(seconds=seconds)
        done = connection.execute(
            text("UPDATE sessions SET active_at = :at WHERE id = :id"), {"at": moment, "id": session_id}
        )
        assert done.rowcount == 1


def take(unit: Open) -> list[Rested]:
    """All that have rested for a minute."""
    found = []
    with unit(SYSTEM) as work:
        while (rested := rest.take(work, timedelta(minutes=1), PATIENCE)) is not None:
            found.append(rested)
    return found


def active(rows: Rows, session_id: uuid.UUID) -> Any:
    return rows("SELECT active_at FROM sessions WHERE id = :id", id=session_id)[0][0]


def test_an_empty_session_wants_no_summary_and_work_in_it_does(unit: Open, alice: Actor, rows: Rows) -> None:
    session_id = make(unit, alice)
    assert active(rows, session_id) is None
    with unit(alice) as work:
        run = external.create(work, RunIn(name="import", session_id=session_id))
    begun = active(rows, session_id)
    assert begun is not None
    with unit(alice) as work:
        external.change(work, runs.for_change(work, run.id), RunPatch(status="completed"))
    assert active(rows, session_id) == begun, "what happens so soon after is not noted again"


def test_a_rested_session_is_handed_out_once_and_again_when_nobody_ended(
    database: Database, unit: Open, alice: Actor, rows: Rows
) -> None:
    session_id = make(unit, alice)
    ago(database, session_id, 61)
    [rested] = [each for each in take(unit) if each.id == session_id]
    assert session_id not in [each.id for each in take(unit)]
    ago(database, session_id, 61)  # ten minutes and a rest later
    assert session_id in [each.id for each in take(unit)]
    with unit(SYSTEM) as work:
        assert rest.done(work, rested)
    assert active(rows, session_id) is not None, "the second claim stands"


def test_what_happens_while_it_is_summarized_wants_another(
    database: Database, unit: Open, alice: Actor, rows: Rows
) -> None:
    session_id = make(unit, alice)
    ago(database, session_id, 61)
    [rested] = [each for each in take(unit) if each.id == session_id]
    with unit(alice) as work:
        rest.stir(work, session_id)
    with unit(SYSTEM) as work:
        assert rest.done(work, rested)
    assert active(rows, session_id) is not None
    [(summarized_at, version)] = rows("SELECT summarized_at, version FROM sessions WHERE id = :id", id=session_id)
    assert (summarized_at, version) == (rested.at, 1)


def test_a_session_that_a_node_works_in_is_left_alone_until_that_has_ended(
    database: Database, unit: Open, alice: Actor, node: PlainNode, rows: Rows
) -> None:
    session_id = make(unit, alice)
    task = Tasks(unit, alice, node).create(session_id=session_id)
    ago(database, session_id, 3600)
    with unit(SYSTEM) as work:
        assert summaries.next_one(work) is None
    assert active(rows, session_id) is None
    assert task.run_id is not None
    node.begin(task.run_id)
    node.end(task.run_id)
    assert active(rows, session_id) is not None
    ago(database, session_id, 3600)
    with unit(SYSTEM) as work:
        material = summaries.next_one(work)
        assert material is not None
        assert material.facts == f"- {task.name} – completed"
        summaries.keep(work, material.rested, "all went well", "writer")
    with unit(SYSTEM) as work:
        assert summaries.next_one(work) is None


def test_a_session_that_is_deleted_meanwhile_gets_no_summary(database: Database, unit: Open, alice: Actor) -> None:
    session_id = make(unit, alice)
    ago(database, session_id, 61)
    [rested] = [each for each in take(unit) if each.id == session_id]
    with unit(alice) as work:
        service.remove(work, session_id)
    with unit(SYSTEM) as work:
        summaries.keep(work, rested, "nothing", "writer")
