"""Sessions: below one another to any depth, in no circle, kept while something refers to them."""

import threading
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import text

from gateway.core.errors import Conflict, Forbidden, GatewayError, Invalid, NotFound
from gateway.core.identity import Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.projects import service as projects
from gateway.features.projects.schemas import ProjectIn
from gateway.features.runs import service_external as external
from gateway.features.runs.schemas import RunIn
from gateway.features.sessions import service
from gateway.features.sessions import service_transcripts as transcripts
from gateway.features.sessions.models import WorkSession
from gateway.features.sessions.schemas import SegmentIn, SessionQuery, SubSessionIn, WorkSessionIn, WorkSessionPatch
from gateway.features.traces import service_compare
from tests.services.conftest import Open, Tasks


def make(unit: Open, actor: Actor, parent: uuid.UUID | None = None, **wish: object) -> WorkSession:
    with unit(actor) as work:
        return service.create(work, WorkSessionIn.model_validate({"parent_session_id": parent, **wish}))


def change(unit: Open, actor: Actor, session_id: uuid.UUID, **patch: object) -> WorkSession:
    with unit(actor) as work:
        return service.change(work, service.for_change(work, session_id), WorkSessionPatch.model_validate(patch))


def below(unit: Open, actor: Actor, session_id: uuid.UUID) -> list[uuid.UUID]:
    with unit(actor) as work:
        found = service.visible(work, SessionQuery(parent_session_id=session_id))
        return [each.id for each in work.session.scalars(found)]


def remove(unit: Open, actor: Actor, session_id: uuid.UUID) -> None:
    with unit(actor) as work:
        service.remove(work, session_id)


def test_sessions_lie_below_one_another_to_any_depth(unit: Open, alice: Actor) -> None:
    line = [make(unit, alice)]
    for _ in range(40):
        with unit(alice) as work:
            line.append(service.create_below(work, line[-1].id, SubSessionIn(title="deeper")))
    assert below(unit, alice, line[0].id) == [line[1].id]
    assert [each.parent_session_id for each in line[1:]] == [each.id for each in line[:-1]]
    with pytest.raises(Invalid, match="circle") as refused:
        change(unit, alice, line[0].id, parent_session_id=line[-1].id)
    assert refused.value.code == "session_circle"


def test_a_session_is_not_its_own_parent(unit: Open, alice: Actor) -> None:
    session = make(unit, alice)
    with pytest.raises(Invalid, match="the session itself"):
        change(unit, alice, session.id, parent_session_id=session.id)


def test_two_moves_at_once_close_no_circle(unit: Open, alice: Actor) -> None:
    one, other = make(unit, alice), make(unit, alice)
    outcomes: list[GatewayError | None] = []

    def move(session: WorkSession, parent: WorkSession) -> None:
        try:
            change(unit, alice, session.id, parent_session_id=parent.id)
            outcomes.append(None)
        except GatewayError as error:
            outcomes.append(error)

    movers = [threading.Thread(target=move, args=pair) for pair in ((one, other), (other, one))]
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [Invalid]


def test_a_session_is_moved_to_the_top_and_renamed(unit: Open, alice: Actor) -> None:
    parent = make(unit, alice)
    session = make(unit, alice, parent.id)
    assert change(unit, alice, session.id, parent_session_id=None).parent_session_id is None
    assert change(unit, alice, session.id, title="Renamed").title == "Renamed"
    with unit(alice) as work:
        top = [each.id for each in work.session.scalars(service.visible(work, SessionQuery(top=True, q="renamed")))]
    assert top == [session.id]


def test_anothers_session_is_not_there(unit: Open, alice: Actor, bob: Actor, mine: Tasks) -> None:
    foreign = make(unit, bob)
    for attempt in (
        lambda: make(unit, alice, foreign.id),
        lambda: change(unit, alice, make(unit, alice).id, parent_session_id=foreign.id),
        lambda: mine.create(session_id=foreign.id),
    ):
        with pytest.raises(Invalid, match="there is no such session, or it is not yours"):
            attempt()
    with pytest.raises(NotFound), unit(alice) as work:
        service.for_work(work, foreign.id)


def test_whoever_may_only_look_makes_none(unit: Open, charlie: Actor) -> None:
    with pytest.raises(Forbidden):
        make(unit, charlie)


def test_work_of_a_session_lies_in_its_project(unit: Open, alice: Actor, mine: Tasks) -> None:
    with unit(alice) as work:
        project = projects.create(work, ProjectIn(slug=f"p{uuid.uuid4().hex[:12]}"))
    session = make(unit, alice, project_id=project.id)
    assert make(unit, alice, session.id).project_id == project.id
    task = mine.create(session_id=session.id)
    assert (task.project_id, task.session_id) == (project.id, session.id)
    with unit(alice) as work:
        run = external.create(work, RunIn(session_id=session.id))
        assert run.project_id == project.id


def test_what_is_referred_to_stays_and_says_by_what(unit: Open, alice: Actor, mine: Tasks) -> None:
    session = make(unit, alice)
    sub = make(unit, alice, session.id)
    task = mine.create(session_id=session.id)
    with unit(alice) as work:
        external.create(work, RunIn(session_id=session.id))
    with pytest.raises(Conflict) as refused:
        remove(unit, alice, session.id)
    assert refused.value.code == "still_referenced"
    assert {error["field"]: error["message"] for error in refused.value.errors} == {
        "sessions": "1", "tasks": "1", "runs": "2",
    }  # fmt: skip
    assert task.session_id == session.id
    remove(unit, alice, sub.id)
    with pytest.raises(NotFound), unit(alice) as work:
        service.get(work, sub.id)


def close(unit: Open, actor: Actor, session_id: uuid.UUID) -> WorkSession:
    with unit(actor) as work:
        return service.close(work, session_id)


def reopen(unit: Open, actor: Actor, session_id: uuid.UUID) -> WorkSession:
    with unit(actor) as work:
        return service.reopen(work, session_id)


def test_a_closed_session_and_all_below_it_take_in_nothing_new(
    unit: Open, alice: Actor, mine: Tasks, keys: KeyStore
) -> None:
    top = make(unit, alice, title="Year")
    middle = make(unit, alice, top.id)
    bottom = make(unit, alice, middle.id)
    task = mine.create(session_id=bottom.id)
    mine.call("cancel", task.id)
    closed = close(unit, alice, top.id)
    assert (closed.status, closed.version) == ("closed", 2)

    def into(act: Callable[[Work], object]) -> None:
        with unit(alice) as work:
            act(work)

    said = SegmentIn(kind="note", content="hello")
    for attempt in (
        lambda: mine.create(session_id=bottom.id),
        lambda: mine.call("retry", task.id),
        lambda: into(lambda work: service_compare.replay(work, task.run_id)),
        lambda: into(lambda work: external.create(work, RunIn(session_id=middle.id))),
        lambda: make(unit, alice, bottom.id),
        lambda: into(lambda work: service.create_below(work, middle.id, SubSessionIn())),
        lambda: change(unit, alice, make(unit, alice).id, parent_session_id=top.id),
        lambda: into(lambda work: transcripts.add(work, keys, transcripts.open_session(work, top.id), said)),
    ):
        with pytest.raises(Conflict, match="is closed; open it again first") as refused:
            attempt()
        assert refused.value.code == "session_closed"
    assert change(unit, alice, top.id, title="Renamed").status == "closed"


def test_sessions_are_closed_and_opened_again_along_the_tree(unit: Open, alice: Actor, mine: Tasks) -> None:
    top = make(unit, alice)
    below = make(unit, alice, top.id)
    close(unit, alice, below.id)
    assert close(unit, alice, below.id).version == 2, "closed already: nothing is done"
    close(unit, alice, top.id)
    with pytest.raises(Conflict, match=str(top.id)) as refused:
        reopen(unit, alice, below.id)
    assert refused.value.code == "session_closed"
    assert reopen(unit, alice, top.id).closed_at is None
    assert reopen(unit, alice, top.id).version == 3
    with unit(alice) as work:
        assert service.get(work, below.id).status == "closed"
        listed = {
            status: set(work.session.scalars(service.visible(work, SessionQuery(status=status))).unique())
            for status in ("open", "closed")
        }
        assert [{row.id for row in rows} & {top.id, below.id} for rows in listed.values()] == [{top.id}, {below.id}]
    assert reopen(unit, alice, below.id).status == "open"
    assert mine.create(session_id=below.id).status == "queued"
    with unit(alice) as work:
        names = "'session.closed', 'session.reopened'"
        told = work.session.execute(
            text(f"SELECT name, data->>'session_id' AS id FROM events WHERE name IN ({names}) ORDER BY seq")
        )
        ours = [(row.name, row.id) for row in told if row.id in (str(top.id), str(below.id))]
    assert ours == [
        ("session.closed", str(below.id)), ("session.closed", str(top.id)),
        ("session.reopened", str(top.id)), ("session.reopened", str(below.id)),
    ]  # fmt: skip


def test_nobody_closes_anothers_session_or_one_with_anothers_open_one_below(
    unit: Open, alice: Actor, bob: Actor, charlie: Actor
) -> None:
    session = make(unit, alice)
    for act in (close, reopen):
        with pytest.raises(NotFound):
            act(unit, bob, session.id)
    with unit(alice) as work:
        place = {"project_id": session.project_id, "parent_session_id": session.id}
        work.session.add(WorkSession(owner_id=bob.user_id, title="Bob's", **place))
    with pytest.raises(Conflict) as refused:
        close(unit, alice, session.id)
    assert refused.value.code == "open_sessions_below"
