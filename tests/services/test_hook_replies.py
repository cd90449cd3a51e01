"""Answers that hooks owe through a connector: written under one key until a try is known to have failed."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.identity import SYSTEM, Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.features.hooks import queries, service, service_replies
from gateway.features.hooks.models import HookReply
from gateway.features.hooks.schemas import HookIn
from gateway.features.hooks.service_replies import Post
from gateway.features.tasks import service as tasks
from gateway.features.tasks.schemas import TaskIn
from tests.services.conftest import Open


def test_an_answer_keeps_its_key_until_a_try_is_known_to_have_failed(
    unit: Open, alice: Actor, keys: KeyStore, database: Database, rows: Callable[..., list[Any]]
) -> None:
    action = {"kind": "create_task", "task": {"commands": ["true"]}}
    with unit(alice) as work:
        hook, _ = service.create(work, keys, HookIn.model_validate({"name": "a", "verify": "token", "action": action}))
        task = tasks.create(work, TaskIn(commands=["true"]))
        tasks.cancel(work, task.id)
        reply = HookReply(hook_id=hook.id, task_id=task.id, connector_id=uuid.uuid4(), channel="C1")
        work.session.add(reply)

    def taken() -> Post:
        with database.sessions() as session:
            session.get_one(HookReply, reply.id).next_at = now()
            session.commit()
        with unit(SYSTEM) as work:
            [post] = (each for each in service_replies.take(work, keys, 10) if each.id == reply.id)
        assert isinstance(post, Post)
        return post

    first, again = taken(), taken()
    assert again.key == first.key, "whoever had taken it may have written it"
    with unit(SYSTEM) as work:
        service_replies.failed(work, reply.id, "unreachable: no route", is_final=False)
    assert taken().key == taken().key != first.key
    assert rows("SELECT attempts FROM hook_replies WHERE id = :id", id=reply.id) == [(2,)]
    with unit(alice) as work:
        service.remove(work, hook.id)


def test_an_answer_stays_owed_however_long_its_task_takes(
    unit: Open, alice: Actor, keys: KeyStore, rows: Callable[..., list[Any]]
) -> None:
    action = {"kind": "create_task", "task": {"commands": ["true"]}}
    with unit(alice) as work:
        hook, _ = service.create(work, keys, HookIn.model_validate({"name": "b", "verify": "token", "action": action}))
        task = tasks.create(work, TaskIn(commands=["true"]))
        owed, sent = (HookReply(hook_id=hook.id, task_id=task.id, status=status) for status in ("owed", "sent"))
        work.session.add_all([owed, sent])
    with unit(SYSTEM) as work:
        while queries.drop_old(work.session, now() + timedelta(minutes=1), 1000):
            pass
    kept = rows("SELECT id FROM hook_replies WHERE id IN (:owed, :sent)", owed=owed.id, sent=sent.id)
    assert kept == [(owed.id,)]
    with unit(alice) as work:
        service.remove(work, hook.id)
