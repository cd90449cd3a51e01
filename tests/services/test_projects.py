"""Projects: one default for each user, unique slugs, and no deletion of what something refers to."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.core import references
from gateway.core.clock import new_id
from gateway.core.errors import Conflict, Forbidden, GatewayError, Invalid, NotFound
from gateway.core.identity import SYSTEM, Actor
from gateway.core.rights import BUILT_IN, Grant, Rights
from gateway.features.artifacts.models import Artifact
from gateway.features.identity import service as identity
from gateway.features.projects import service
from gateway.features.projects.models import Project
from gateway.features.projects.schemas import ProjectIn, ProjectPatch
from gateway.features.settings import service as settings
from gateway.features.tasks import service as tasks
from gateway.features.tasks.schemas import TaskIn
from tests.services.conftest import Open, Tasks

Rows = Callable[..., list[Any]]


def make(unit: Open, actor: Actor, **wish: Any) -> Project:
    with unit(actor) as work:
        return service.create(work, ProjectIn(**{"slug": f"p-{new_id().hex[-12:]}", **wish}))


def change(unit: Open, actor: Actor, project: Project, **patch: Any) -> Project:
    with unit(actor) as work:
        return service.change(work, service.for_change(work, project.id), ProjectPatch(**patch))


def remove(unit: Open, actor: Actor, project_id: uuid.UUID) -> None:
    with unit(actor) as work:
        service.remove(work, project_id)


def default_of(unit: Open, actor: Actor) -> Project:
    with unit(actor) as work:
        return service.default_project(work, actor.user_id, actor.handle)


def test_a_project_is_made_changed_and_deleted(unit: Open, alice: Actor, rows: Rows) -> None:
    project = make(unit, alice, slug="garden", description="Beds", time_zone="Europe/Berlin")
    assert (project.display_name, project.is_active, project.is_default) == ("garden", True, False)
    changed = change(unit, alice, project, slug="garden-2", display_name="Garden", description=None, time_zone=None)
    assert (changed.slug, changed.display_name, changed.description) == ("garden-2", "Garden", "")
    assert (changed.time_zone, changed.version) == (None, 2)
    remove(unit, alice, project.id)
    told = rows("SELECT name FROM events WHERE project_id = :id ORDER BY seq", id=project.id)
    assert told == [("project.created",), ("project.updated",), ("project.deleted",)]
    with unit(alice) as work, pytest.raises(NotFound):
        service.get(work, project.id)


def test_a_slug_is_taken_once_whoever_took_it(unit: Open, alice: Actor, bob: Actor) -> None:
    taken = make(unit, alice).slug
    with pytest.raises(Conflict) as refused:
        make(unit, bob, slug=taken)
    assert refused.value.code == "slug_taken"
    with pytest.raises(Conflict):
        change(unit, bob, make(unit, bob), slug=taken)


def test_the_default_moves_and_stays_one(unit: Open, bob: Actor, rows: Rows) -> None:
    first, second = make(unit, bob), make(unit, bob)  # the default that he has already may have tasks in it
    change(unit, bob, first, is_default=True)
    assert change(unit, bob, second, is_default=True).is_default
    assert default_of(unit, bob).id == second.id
    with pytest.raises(Conflict) as refused:
        change(unit, bob, second, is_default=False)
    assert refused.value.code == "default_project"
    remove(unit, bob, first.id)
    with pytest.raises(Conflict, match="stays"):
        remove(unit, bob, second.id)
    with pytest.raises(Conflict, match="active"):
        change(unit, bob, second, is_active=False)
    with pytest.raises(Conflict, match="active"):
        change(unit, bob, make(unit, bob, is_active=False), is_default=True)
    defaults = rows("SELECT id FROM projects WHERE owner_id = :id AND is_default", id=bob.user_id)
    assert defaults == [(second.id,)]


def test_a_role_in_one_project_does_not_say_which_is_its_owners_default(unit: Open, alice: Actor, bob: Actor) -> None:
    default, other = default_of(unit, bob), make(unit, bob)
    keeper = replace(alice, rights=Rights((Grant(BUILT_IN["admin"], other.id),)))
    assert change(unit, keeper, other, description="kept").description == "kept"
    with pytest.raises(Forbidden, match="for its owner to say"):
        change(unit, keeper, other, is_default=True)
    assert default_of(unit, bob).id == default.id


def test_defaults_changed_at_once_leave_one(unit: Open, bob: Actor, rows: Rows) -> None:
    default_of(unit, bob)
    candidates = [make(unit, bob) for _ in range(6)]
    problems: list[BaseException] = []

    def choose(project: Project) -> None:
        try:
            change(unit, bob, project, is_default=True)
        except GatewayError as error:
            problems.append(error)

    threads = [threading.Thread(target=choose, args=(project,)) for project in candidates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(rows("SELECT 1 FROM projects WHERE owner_id = :id AND is_default", id=bob.user_id)) == 1


def test_what_is_referred_to_is_not_deleted_and_says_by_what(unit: Open, alice: Actor, mine: Tasks) -> None:
    project = make(unit, alice)
    task = mine.create(project_id=project.id)
    mine.create(project_id=project.id)
    with unit(alice) as work:
        work.session.add(
            Artifact(owner_id=alice.user_id, project_id=project.id, origin="upload", filename="x", size=0,
                     media_type="text/plain", sha256="0" * 64)
        )  # fmt: skip
    with pytest.raises(Conflict) as refused:
        remove(unit, alice, project.id)
    assert refused.value.code == "still_referenced"
    assert {error["field"]: error["message"] for error in refused.value.errors} == {
        "artifacts": "1", "tasks": "2", "runs": "2",
    }  # fmt: skip
    assert mine.get(task.id).project_id == project.id


def test_counting_what_refers_ends_early(unit: Open, alice: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "COUNTED", 1)
    project = make(unit, alice)
    for _ in range(3):
        with unit(alice) as work:
            tasks.create(work, TaskIn(commands=["true"], project_id=project.id))
    with pytest.raises(Conflict, match="more than 1 tasks"):
        remove(unit, alice, project.id)


def test_an_inactive_project_takes_no_new_work(unit: Open, alice: Actor, mine: Tasks) -> None:
    project = make(unit, alice, is_active=False)
    with pytest.raises(Invalid, match="not active"):
        mine.create(project_id=project.id)
    change(unit, alice, project, is_active=True)
    assert mine.create(project_id=project.id).project_id == project.id


def test_new_work_in_a_project_needs_the_right_there(unit: Open, alice: Actor, bob: Actor, charlie: Actor) -> None:
    project = make(unit, alice)
    for stranger, wanted in ((bob, project.id), (bob, new_id())):
        with unit(stranger) as work, pytest.raises(Invalid) as refused:
            tasks.create(work, TaskIn(commands=["true"], project_id=wanted))
        assert refused.value.errors == [{"field": "project_id", "message": service.NOT_THERE}]
    with unit(charlie) as work, pytest.raises(Forbidden):
        tasks.create(work, TaskIn(commands=["true"]))
    admin = Actor(bob.user_id, "bob", frozenset({"admin"}), via="test")
    with unit(admin) as work:
        assert tasks.create(work, TaskIn(commands=["true"], project_id=project.id)).project_id == project.id


def test_others_neither_see_nor_change_it(unit: Open, alice: Actor, bob: Actor, charlie: Actor) -> None:
    project = make(unit, alice)
    with unit(bob) as work:
        assert project.id not in [row.id for row in work.session.scalars(service.visible(work))]
    for act in (lambda: change(unit, bob, project, display_name="Mine"), lambda: remove(unit, bob, project.id)):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(Forbidden):
        make(unit, charlie)


def test_lists_filter_by_activity_and_words(unit: Open, alice: Actor) -> None:
    resting = make(unit, alice, display_name="Winter sowing", is_active=False)
    busy = make(unit, alice, display_name="Summer sowing", description="tomatoes")

    def found(**filters: Any) -> list[uuid.UUID]:
        with unit(alice) as work:
            return [row.id for row in work.session.scalars(service.visible(work, **filters))]

    assert set(found(q="sowing")) == {resting.id, busy.id}
    assert found(q="tomatoes") == [busy.id]
    assert found(q="sowing", is_active=False) == [resting.id]


def test_the_time_zone_is_inherited_from_the_owner_before_the_system(unit: Open, alice: Actor) -> None:
    own, heir = make(unit, alice, time_zone="Asia/Tokyo"), make(unit, alice)
    with unit(alice) as work:
        identity.change_me(work, identity.me_for_change(work), {"time_zone": "Europe/Lisbon"}, None)
    with unit(SYSTEM) as work:
        assert service.described(work, own).effective_time_zone == "Asia/Tokyo"
        assert service.described(work, heir).effective_time_zone == "Europe/Lisbon"
    with unit(alice) as work:
        identity.change_me(work, identity.me_for_change(work), {"time_zone": None}, None)


def test_the_time_zone_is_inherited_from_the_system(unit: Open, alice: Actor) -> None:
    own, heir = make(unit, alice, time_zone="Asia/Tokyo"), make(unit, alice)
    with unit(alice) as work:
        assert service.described(work, own).effective_time_zone == "Asia/Tokyo"
        shown = service.described(work, heir)
        assert (shown.time_zone, shown.effective_time_zone) == (None, settings.value(work, "time_zone"))


def test_retention_is_merged_and_bounded(unit: Open, alice: Actor) -> None:
    project = make(unit, alice, retention={"artifacts_days": 30, "logs_days": 7})
    assert project.retention == {"artifacts_days": 30, "logs_days": 7}
    changed = change(unit, alice, project, retention={"logs_days": None, "tasks_days": 90})
    assert changed.retention == {"artifacts_days": 30, "tasks_days": 90}
    assert change(unit, alice, project, retention=None).retention == {}
    for wrong in ({"artifacts_days": 0}, {"artifacts_days": 40_000}, {"years": 1}):
        with pytest.raises(ValidationError):
            ProjectIn(slug="x", retention=wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"slug": "With Space"}, {"slug": "-x"}, {"slug": ""}, {"slug": "a" * 64}, {"slug": "a", "time_zone": "Mars/X"},
     {"slug": "a\n"}, {"slug": "a", "display_name": ""}],
)  # fmt: skip
def test_what_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProjectIn(**wrong)
    with pytest.raises(ValidationError):
        ProjectPatch(slug=None)


def test_everything_that_points_at_projects_has_an_index_for_it(unit: Open) -> None:
    """Else a deletion, which asks each of them, would cost what the tables hold."""
    with unit(SYSTEM):
        tables = {table.name: table for _, table, _ in references._referring("projects", new_id(), {})}
    assert {"tasks", "runs", "artifacts"} <= set(tables)
    for name, table in tables.items():
        columns = {index.columns.keys()[0] for index in table.indexes} | set(table.primary_key.columns.keys()[:1])
        unique = {
            next(iter(rule.columns)).name for rule in table.constraints if hasattr(rule, "columns") and rule.columns
        }
        assert {"project_id", "scope_type"} & (columns | unique), name
