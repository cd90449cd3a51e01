"""The watch over what is open: one look for all, rights of now, ended identities ended, others' untouched."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.identity import SYSTEM, Actor
from gateway.features.access import service_roles as access
from gateway.features.access.schemas import BindingPatch, BindingQuery
from gateway.features.events.watch import Watch
from gateway.features.identity import service, service_sessions, service_tokens
from tests.services.conftest import Open

VIEWER = "00000000-0000-7000-8000-000000000105"
"""The id that the migration gives the built-in role."""


class Line:
    """Something open that remembers what became of it."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.ended = False

    def go_on_as(self, actor: Actor) -> None:
        self.actor = actor

    def end(self) -> None:
        self.ended = True


@pytest.fixture
def watch(database: Database) -> Watch:
    """One that looks when it is told to."""
    return Watch(database.sessions)


@pytest.fixture
def lines(unit: Open) -> list[Line]:
    """A console session and an API token of someone of their own."""
    with unit(SYSTEM) as work:
        user = service.create_user(work, f"w-{uuid.uuid4().hex[:8]}")
        session = service_sessions.open_console(work, user)
        token, _ = service_tokens.create_token(work, "t", ["events.read"], None, user=user)
        actors = (
            service.actor_of(work.session, user, "console", session.id, "127.0.0.1"),
            service.actor_of(work.session, user, "token", token.id, "127.0.0.1", token.scopes),
        )
    return [Line(actor) for actor in actors]


def test_what_may_go_on_is_left_alone(watch: Watch, lines: list[Line]) -> None:
    before = [line.actor for line in lines]
    with watch.over(lines[0]), watch.over(lines[1]):
        watch.look()
    assert [line.actor for line in lines] == before
    assert not any(line.ended for line in lines)


def test_only_what_was_revoked_ends(watch: Watch, lines: list[Line], unit: Open) -> None:
    session, token = lines
    with unit(SYSTEM) as work:
        assert token.actor.credential_id is not None
        service_tokens.revoke_token(work, token.actor.credential_id)
    with watch.over(session), watch.over(token):
        watch.look()
    assert (session.ended, token.ended) == (False, True)


def test_an_access_token_that_has_expired_ends_what_it_opened(watch: Watch, lines: list[Line]) -> None:
    """Its session goes on; the client comes back with the next access token."""
    session = lines[0]
    session.actor = replace(session.actor, expires_at=now() + timedelta(minutes=1))
    with watch.over(session):
        watch.look()
        assert not session.ended
        session.actor = replace(session.actor, expires_at=now())
        watch.look()
    assert session.ended


def test_rights_that_change_count_at_once(watch: Watch, lines: list[Line], unit: Open) -> None:
    with unit(SYSTEM) as work:
        wish = BindingQuery(subject_type="user", subject_id=lines[0].actor.user_id)
        held = work.session.scalars(access.bindings(work, wish)).one()
        access.rebind(work, held, BindingPatch(role_id=uuid.UUID(VIEWER)))
    with watch.over(lines[0]), watch.over(lines[1]):
        watch.look()
    assert [line.actor.roles for line in lines] == [frozenset({"viewer"})] * 2
    assert lines[1].actor.scopes == ("events.read",)
    assert {line.actor.address for line in lines} == {"127.0.0.1"}


def test_a_look_costs_two_queries_however_much_is_open(watch: Watch, lines: list[Line], database: Database) -> None:
    asked: list[str] = []

    def count(connection: object, cursor: object, statement: str, *rest: object) -> None:
        asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", count)
    try:
        many = [Line(line.actor) for line in lines for _ in range(200)]
        for line in many:
            watch._opened.add(line)
        watch.look()
        watch._opened.clear()
        alone = len(asked)
        watch.look()
    finally:
        event.remove(database.engine, "before_cursor_execute", count)
    assert alone == 2
    assert len(asked) == 2, "nothing is asked while nothing is open"


def test_what_was_changed_by_hand_ends_it_too(watch: Watch, lines: list[Line], database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE users SET is_active = false WHERE id = :id"), {"id": lines[0].actor.user_id})
    with watch.over(lines[0]), watch.over(lines[1]):
        watch.look()
    assert all(line.ended for line in lines)
