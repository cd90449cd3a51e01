"""Services on a real PostgreSQL: one migrated database a session, three fixed people, a node that does no work."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway import ROOT
from gateway.core.clock import new_id
from gateway.core.data_dir import DataDir
from gateway.core.database import Database
from gateway.core.identity import SYSTEM, Actor
from gateway.core.postgres.embedded import EmbeddedPostgres
from gateway.core.postgres.migrating import migrate
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work, unit_of_work
from gateway.features.artifacts.store import Store
from gateway.features.identity import service as identity
from gateway.features.nodes import service_presence as presence
from gateway.features.runs.service_holding import Claim
from gateway.features.runs.service_logs import LogBatch
from gateway.features.tasks import service as tasks
from gateway.features.tasks import service_execution as execution
from gateway.features.tasks.models import Task
from gateway.features.tasks.schemas import TaskIn
from gateway.features.tasks.service_execution import End, JobReport, RunReport
from tests.services import outbox as outbox_of
from tests.services import schedule_world

Open = Callable[[Actor], AbstractContextManager[Work]]


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A migrated database on a server of our own."""
    with served(tmp_path_factory.mktemp("services")) as database:
        yield database


@contextmanager
def served(folder: Path) -> Iterator[Database]:
    """A migrated database with an owner, on a server of its own in an empty folder."""
    data_dir = DataDir(folder)
    data_dir.prepare()
    with data_dir.lock():
        server = EmbeddedPostgres(data_dir)
        database = Database(server.start(), pool_size=20)
        try:
            migrate(database.engine, ROOT / "migrations")
            with unit_of_work(database.sessions, SYSTEM) as work:
                identity.ensure_owner(work)
            yield database
        finally:
            database.dispose()
            server.stop()


@pytest.fixture(scope="session")
def people(database: Database) -> dict[str, Actor]:
    """Alice and Bob are members who know nothing of each other; Charlie may only look."""
    roles = {"alice": "member", "bob": "member", "charlie": "viewer"}
    with unit_of_work(database.sessions, SYSTEM) as work:
        users = {handle: identity.create_user(work, handle, role=role).id for handle, role in roles.items()}
    return {handle: Actor(users[handle], handle, frozenset({role}), via="test") for handle, role in roles.items()}


@pytest.fixture
def clean_preferences(database: Database) -> Iterator[None]:
    """Preferences that one test sets, and groups that it makes for them, no other test meets."""
    yield
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM preference_entries"))
        connection.execute(text("DELETE FROM preference_history"))
        connection.execute(text("DELETE FROM groups WHERE description = 'of a preference'"))


@pytest.fixture
def alice(people: dict[str, Actor]) -> Actor:
    return people["alice"]


@pytest.fixture
def bob(people: dict[str, Actor]) -> Actor:
    return people["bob"]


@pytest.fixture
def charlie(people: dict[str, Actor]) -> Actor:
    return people["charlie"]


@pytest.fixture
def unit(database: Database) -> Open:
    """Opens a unit of work of an actor."""
    return lambda actor: unit_of_work(database.sessions, actor)


def told(outcomes: Sequence[Any]) -> list[Any]:
    """What a function did for several. Raises the first that could not be done."""
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return list(outcomes)


@dataclass
class PlainNode:
    """What a node does to the records, step by step and without any work."""

    unit: Open
    store: Store
    id: uuid.UUID
    holder: uuid.UUID = field(default_factory=new_id)

    def begin(self, run_id: uuid.UUID) -> execution.Plan:
        return self.begin_all([run_id])[0]

    def begin_all(self, run_ids: Sequence[uuid.UUID]) -> list[execution.Plan]:
        """Raises what came of the first that could not be begun; the others have."""
        with self.unit(SYSTEM) as work:
            outcomes = execution.begin(work, [Claim(run_id, self.id, self.holder) for run_id in run_ids])
        return told(outcomes)

    def end(self, run_id: uuid.UUID, status: str = "completed", position: int = 0) -> None:
        error = {"code": "command_failed", "message": "It exited with 1."} if status == "failed" else None
        code = 0 if status == "completed" else 1
        report = RunReport(status, code, error=error)
        last = JobReport(position, status, exit_code=code)
        end = End(run_id, self.holder, self.store, report, last, LogBatch(0, []))
        with self.unit(SYSTEM) as work:
            outcomes = execution.end(work, [end])
        told(outcomes)

    def give_back(self, run_id: uuid.UUID) -> None:
        with self.unit(SYSTEM) as work:
            execution.give_back(work, run_id, self.holder)

    def another(self) -> "PlainNode":
        """Another process that runs under the same node's name."""
        return PlainNode(self.unit, self.store, self.id)


@pytest.fixture
def node(unit: Open, tmp_path: Path) -> PlainNode:
    with unit(SYSTEM) as work:
        joined = presence.join(
            work, "plain", host="here", pid=1, concurrency=1, labels={}, capabilities={"sandbox": {"ok": True}}
        )
        return PlainNode(unit, Store(tmp_path / "artifacts"), joined.id)


@dataclass
class Tasks:
    """One person's tasks, each call a unit of work of its own."""

    unit: Open
    actor: Actor
    node: PlainNode

    def create(self, **wish: Any) -> Task:
        with self.unit(self.actor) as work:
            return tasks.create(work, TaskIn(**{"commands": ["true"], **wish}))

    def get(self, task_id: uuid.UUID) -> Task:
        with self.unit(self.actor) as work:
            return tasks.get(work, task_id)

    def status(self, *created: Task) -> list[str]:
        return [self.get(task.id).status for task in created]

    def call(self, name: str, task_id: uuid.UUID) -> Any:
        """Any function of the service that takes a task's id."""
        with self.unit(self.actor) as work:
            return getattr(tasks, name)(work, task_id)

    def finish(self, task: Task, status: str = "completed") -> None:
        """Lets the node carry the task's present run out."""
        run_id = self.get(task.id).run_id
        assert run_id is not None
        self.node.begin(run_id)
        self.node.end(run_id, status)

    def in_status(self, status: str) -> Task:
        """A fresh task in that status."""
        if status == "waiting":
            return self.create(depends_on=[self.create().id])
        task = self.create()
        if status in ("running", "completed", "failed"):
            assert task.run_id is not None
            self.node.begin(task.run_id)
        if status in ("completed", "failed"):
            assert task.run_id is not None
            self.node.end(task.run_id, status)
        if status == "canceled":
            self.call("cancel", task.id)
        return self.get(task.id)


@pytest.fixture
def mine(unit: Open, alice: Actor, node: PlainNode) -> Tasks:
    """Alice's tasks."""
    return Tasks(unit, alice, node)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    """Where the master key of this database lies."""
    return KeyStore(tmp_path_factory.mktemp("keys"), "file")


@pytest.fixture
def rows(database: Database) -> Callable[..., list[Any]]:
    """Runs one query beside everything else."""

    def rows(query: str, **values: Any) -> list[Any]:
        with database.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    return rows


@pytest.fixture
def world(database: Database, alice: Actor) -> schedule_world.World:
    """Alice's schedules, and a wall clock that goes where the test wants it."""
    return schedule_world.fresh(database, alice)


@pytest.fixture
def outbox(unit: Open, alice: Actor, keys: KeyStore, database: Database) -> Iterator[outbox_of.Outbox]:
    """Alice's destinations, with a receiver; nothing of other tests is on its way."""
    with outbox_of.fresh(database, unit, alice, keys) as made:
        yield made
