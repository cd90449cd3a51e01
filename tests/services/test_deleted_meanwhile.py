"""What is deleted between two looks at it is answered as not there."""

from flask import Flask
from sqlalchemy import text

from gateway.core.database import Database
from gateway.core.http import problems
from gateway.features.tasks import service as tasks
from tests.services.conftest import Open, Tasks


def test_a_task_that_is_deleted_while_its_result_is_read_is_not_found(
    mine: Tasks, unit: Open, database: Database
) -> None:
    task = mine.in_status("completed")
    app = Flask("errors", static_folder=None)
    problems.install(app)

    @app.get("/result")
    def result() -> str:
        with unit(mine.actor) as work:
            found = tasks.get(work, task.id)
            with database.engine.begin() as other:
                other.execute(text("DELETE FROM tasks WHERE id = :id"), {"id": task.id})
            return str(found.output)

    answer = app.test_client().get("/result")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")
