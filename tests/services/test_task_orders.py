"""Tasks by name, status and duration: by pages, with ties and without any duration, each an index range."""

import base64
import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import text

from gateway.core.database import DIALECT, Database
from gateway.core.errors import Invalid
from gateway.core.identity import SYSTEM, Actor
from gateway.core.paging import listed, tied, tied_cursor
from gateway.features.tasks import queries
from gateway.features.tasks.api import SORTS
from gateway.features.tasks.models import Task
from gateway.features.tasks.schemas import TaskQuery
from tests.services.conftest import Open, Tasks

Pages = Callable[[str, int], list[Task]]
TIMES = text("UPDATE tasks SET started_at = created_at, ended_at = created_at + :took, status = :status WHERE id = :id")
TOOK = (0, 3, 3, 86_400, 2_700_000.000_001, 1.5)


@pytest.fixture(scope="module")
def tag() -> str:
    """What the tasks of this file are known by."""
    return f"orders-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def pages(mine: Tasks, unit: Open, alice: Actor, bob: Actor, database: Database, tag: str) -> Pages:
    """Every task in that order, read by pages of that many. Two users' tasks share names; three have no duration."""
    both = [mine, Tasks(unit, bob, mine.node)]
    made = [both[n % 2].create(name=f"{tag}-{n // 2}", tags=[tag]).id for n in range(len(TOOK) + 3)]
    with database.engine.begin() as connection:
        for task_id, took in zip(made, TOOK, strict=False):
            status = "failed" if took == 3 else "completed"
            connection.execute(TIMES, {"id": task_id, "took": timedelta(seconds=took), "status": status})

    def pages(sort: str, limit: int) -> list[Task]:
        read: list[Task] = []
        cursor = None
        while cursor is not None or not read:
            query = TaskQuery(sort=sort, limit=limit, cursor=cursor, tag=tag)
            with unit(SYSTEM) as work:
                found = queries.filtered(SYSTEM, **query.filters()).where(Task.id.in_(made))
                page = listed(work.session, found, Task.id, query, sorts=SORTS)
            read += page.rows
            cursor = page.next_cursor
        return read

    return pages


def test_pages_of_every_order_have_each_task_once_and_in_order(pages: Pages) -> None:
    for sort in SORTS:
        whole = pages(sort, 100)
        assert len({task.id for task in whole}) == len(whole) == len(TOOK) + 3
        attribute = SORTS[sort].by.key
        places = [(getattr(task, attribute), task.id) for task in whole]
        assert all(before < after for before, after in pairwise(places)), sort
        for limit in (1, 2, 4):
            assert [task.id for task in pages(sort, limit)] == [task.id for task in whole], (sort, limit)
            assert [task.id for task in pages(f"-{sort}", limit)] == [task.id for task in whole][::-1], (sort, limit)
    assert [task.duration_s for task in pages("duration_s", 5)] == [None, None, None, *sorted(TOOK)]


@pytest.mark.parametrize("position", ["", "{id}", "{id}x", "{id}9999999999999999999999999", "no id at all"])
def test_a_cursor_that_no_page_gave_is_refused(position: str) -> None:
    made = f"tasks.id:duration:{position.format(id=uuid.uuid4())}"
    cursor = base64.urlsafe_b64encode(made.encode()).decode().rstrip("=")
    with pytest.raises(Invalid):
        tied(queries.visible(SYSTEM), SORTS["duration_s"], Task.id, cursor=cursor, ascends=True)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("ascends", [True, False])
def test_a_page_further_on_is_one_range_of_an_index(sort: str, ascends: bool, database: Database, alice: Actor) -> None:
    """For who sees all and for who sees their own; where there are few rows, PostgreSQL has to be told so."""
    row = Task(id=uuid.uuid4(), name="middle", status="failed")
    cursor = tied_cursor(row, SORTS[sort], Task.id)
    for actor in (SYSTEM, alice):
        query = tied(queries.visible(actor), SORTS[sort], Task.id, cursor=cursor, ascends=ascends).limit(100)
        statement = str(query.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True})).replace("%", "%%")
        with database.engine.connect() as connection:
            for way in ("seqscan", "bitmapscan", "sort"):
                connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
            plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}").scalars())
        assert re.search(r"Index Cond: .*(ROW\(|name [<>]=)", plan), plan
        assert not re.search(r"Seq Scan|-> +Sort|^Sort", plan), plan
