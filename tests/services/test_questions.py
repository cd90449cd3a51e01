"""Questions of a task's agents: a suspended task goes on when all of them are answered, however close together."""

import threading

from sqlalchemy import text

from gateway.core.database import Database
from gateway.core.identity import SYSTEM, Actor
from gateway.features.agents import service_questions as questions
from gateway.features.runs.service_logs import LogBatch
from tests.conftest import wait_until
from tests.services.conftest import Open, PlainNode, Tasks

WAITING = """
    SELECT count(*) FROM pg_locks
     WHERE NOT granted AND pid <> pg_backend_pid() AND locktype IN ('transactionid', 'tuple')
"""


def test_a_task_whose_questions_are_answered_at_the_same_moment_goes_on(
    database: Database, unit: Open, alice: Actor, mine: Tasks, node: PlainNode
) -> None:
    task = mine.create(commands=None, prompt="Paint it")
    assert task.run_id is not None
    plan = node.begin(task.run_id)
    with unit(SYSTEM) as work:
        first, second = (
            questions.ask(work, plan, node.holder, f"/{call}", "Sure?", [], "confirm") for call in ("1", "2")
        )
    with unit(SYSTEM) as work:
        questions.suspend(work, plan.run_id, node.holder, LogBatch(0, []))
    assert mine.status(task) == ["waiting"]

    def answer_second() -> None:
        with unit(alice) as work:
            questions.answer(work, second, True)

    answering = threading.Thread(target=answer_second)
    with database.engine.connect() as looking, unit(alice) as work:
        questions.answer(work, first, True)
        answering.start()
        # Either it waits for us, or it is through and has not seen our answer.
        wait_until(lambda: not answering.is_alive() or looking.execute(text(WAITING)).scalar_one() > 0, 20)
    answering.join()
    assert mine.status(task) == ["queued"]
