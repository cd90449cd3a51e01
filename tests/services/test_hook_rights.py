"""A hook that tells events does so only while its owner may have it: no service is asked that decides on it."""

import json
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from gateway.core.clock import new_id, now
from gateway.core.database import Database
from gateway.core.errors import Forbidden, Invalid
from gateway.core.identity import SYSTEM, Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.features.access import service_roles, service_rules
from gateway.features.access.schemas import BindingIn, RuleIn
from gateway.features.hooks import service
from gateway.features.hooks.requests import Received
from gateway.features.hooks.schemas import HookIn
from gateway.features.hooks.service_receive import Inbox
from gateway.features.identity import service as identity
from gateway.features.identity.authentication import NOBODY
from gateway.features.projects import service as projects
from tests.services.conftest import Open

TASK = {"kind": "create_task", "task": {"commands": ["true"]}}
EVENT = {"kind": "emit_event", "name": "deploy.withdrawn", "data": {}}

Post = Callable[[], int]
Make = Callable[[Actor, dict[str, Any], uuid.UUID | None], Post]


@pytest.fixture
def make(database: Database, unit: Open, keys: KeyStore) -> Make:
    """Makes a hook of somebody's; given back is what posts to it, and tells the status of the answer."""

    def make(owner: Actor, action: dict[str, Any], project_id: uuid.UUID | None) -> Post:
        with unit(owner) as work:
            wish = HookIn(name="mine", verify="token", action=action, project_id=project_id)  # type: ignore[arg-type]
            hook, secret = service.create(work, keys, wish)
        received = Received({"authorization": f"Bearer {secret}"}, {}, json.dumps({}).encode(), None, now())
        return lambda: Inbox(database.sessions, keys).receive(NOBODY, hook.id, received, None).status

    return make


@pytest.mark.parametrize("action", [TASK, EVENT], ids=["task", "event"])
def test_a_hook_writes_no_more_into_a_project_that_its_owner_was_taken_out_of(
    make: Make, unit: Open, alice: Actor, rows: Callable[..., list[Any]], action: dict[str, Any]
) -> None:
    with unit(alice) as work:
        project_id = projects.default_project(work, alice.user_id, alice.handle).id
    with unit(SYSTEM) as work:
        user = identity.create_user(work, f"u{new_id().hex}")
        wish = BindingIn(
            subject_type="user", subject_id=user.id, role_id="member", scope_type="project", scope_id=project_id
        )
        binding = service_roles.bind(work, wish).id
        member = identity.actor_of(work.session, user, "token", None, None)
    theirs, own = make(member, action, project_id), make(member, action, None)
    assert (theirs(), own()) == (202, 202)
    with unit(SYSTEM) as work:
        service_roles.unbind(work, service_roles.binding(work, binding))
    with pytest.raises(Invalid, match="no such project, or it is not yours"):
        theirs()
    assert own() == 202
    told = rows("SELECT project_id FROM events WHERE name = 'deploy.withdrawn' AND owner_id = :id", id=member.user_id)
    assert sorted(told, key=str) == sorted([(project_id,), (None,), (None,)] if action == EVENT else [], key=str)


@pytest.mark.parametrize(("conditions", "refused"), [({}, True), ({"via": ["hook"]}, False)])
def test_a_rule_that_denies_hooks_counts_for_events_unless_it_is_about_how_one_asks(
    make: Make, unit: Open, conditions: dict[str, list[str]], refused: bool
) -> None:
    with unit(SYSTEM) as work:
        user = identity.create_user(work, f"u{new_id().hex}")
        owner = identity.actor_of(work.session, user, "token", None, None)
    post = make(owner, EVENT, None)
    assert post() == 202
    with unit(SYSTEM) as work:
        wish = RuleIn(
            effect="deny", subject=f"user:{owner.user_id}", action="hooks.create", name=f"n{new_id().hex}",
            conditions=conditions,
        )  # fmt: skip
        service_rules.create(work, wish)
    with pytest.raises(Forbidden, match=r"hooks\.create is not allowed") if refused else nullcontext():
        assert post() == 202
