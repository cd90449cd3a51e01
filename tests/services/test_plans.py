"""Which statements the server keeps one plan of: not lists, whose best plan depends on what is asked for."""

from sqlalchemy import text

from gateway.core.database import Database
from gateway.core.identity import SYSTEM
from gateway.core.paging import listed
from gateway.features.projects import queries
from gateway.features.projects.models import Project
from gateway.features.projects.schemas import ProjectQuery

KEPT = text("SELECT statement FROM pg_prepared_statements")


def test_a_list_is_planned_anew_each_time(database: Database) -> None:
    often = 12
    with database.sessions() as session:
        for _ in range(often):
            assert listed(session, queries.visible(SYSTEM), Project.id, ProjectQuery(count=True)).next_cursor is None
            session.scalars(queries.visible(SYSTEM).where(Project.slug == "kept")).all()
        kept = [statement for (statement,) in session.execute(KEPT) if "FROM projects" in statement]
    assert ["projects.slug = " in statement for statement in kept] == [True]
