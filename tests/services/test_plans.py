"""What lists ask the server: statements that are planned for what is asked for, and no more of them for more rows."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event, text

from gateway.core.clock import new_id, now
from gateway.core.database import Database
from gateway.core.identity import SYSTEM, Actor
from gateway.core.paging import listed
from gateway.core.task_names import named
from gateway.core.unit_of_work import Work, unit_of_work
from gateway.features.access import service_rules
from gateway.features.access.schemas import RuleIn
from gateway.features.identity import service as identity
from gateway.features.identity.models import User
from gateway.features.projects import queries
from gateway.features.projects import service as projects
from gateway.features.projects.models import Project
from gateway.features.projects.schemas import ProjectIn, ProjectQuery
from gateway.features.schedules.models import ScheduleRun
from gateway.features.schedules.schemas import ScheduleRunOut
from tests.services.conftest import Tasks

KEPT = text("SELECT statement FROM pg_prepared_statements")


def test_a_list_is_planned_anew_each_time(database: Database) -> None:
    often = 12
    with database.sessions() as session:
        before = set(session.scalars(KEPT))
        for _ in range(often):
            assert listed(session, queries.visible(SYSTEM), Project.id, ProjectQuery(count=True)).count is not None
            session.scalars(queries.visible(SYSTEM).where(Project.slug == "kept")).all()
        kept = {statement for statement in session.scalars(KEPT) if "FROM projects" in statement} - before
    assert ["projects.slug = " in statement for statement in kept] == [True]


def test_what_is_shown_of_many_costs_as_many_queries_as_of_one(
    database: Database, people: dict[str, Actor], mine: Tasks
) -> None:
    made = [mine.in_status("canceled") for _ in range(3)]
    asked: list[str] = []

    def count(connection: object, cursor: object, statement: str, *rest: object) -> None:
        asked.append(statement)

    def cost(describe: Callable[[Work, list[Any]], Any], rows: list[Any]) -> int:
        assert len(rows) == 3
        describe(work, rows)  # what is known for a second is read, and what was just written
        costs = set()
        for some in (rows[:1], rows):
            asked.clear()
            describe(work, some)
            costs.add(len(asked))
        [each] = costs
        return each

    event.listen(database.engine, "before_cursor_execute", count)
    try:
        with unit_of_work(database.sessions, SYSTEM) as work:
            trial = work.session.begin_nested()
            users = [work.session.get_one(User, person.user_id) for person in people.values()]
            owned = [projects.create(work, ProjectIn(slug=f"plain-{n}")) for n in range(3)]
            rules = [
                service_rules.create(work, RuleIn(effect="allow", subject=f"user:{user.id}", action="tasks.read"))
                for user in users
            ]
            assert cost(identity.roles_of_each, users) == 1
            assert cost(projects.describe, owned) == 1
            assert cost(service_rules.describe, rules) == 3
            handles = [rule.subject_name for rule in service_rules.describe(work, rules)]
            assert handles == [user.handle for user in users]
            unknowing = service_rules.describe(work.on_behalf_of(people["charlie"]), rules)
            assert [rule.subject_name for rule in unknowing] == [None] * 3
            came = [ScheduleRun(id=new_id(), planned_at=now(), cause="a test", task_id=task.id) for task in made]
            assert cost(lambda work, came: named(work.session, work.actor, ScheduleRunOut, came), came) == 1
            actors = (SYSTEM, people["charlie"])
            told = [named(work.session, actor, ScheduleRunOut, came)[0].task_name for actor in actors]
            assert told == [made[0].name, None]
            trial.rollback()
    finally:
        event.remove(database.engine, "before_cursor_execute", count)
