"""A destination that is deleted while something is on its way there."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from gateway.core.database import Database
from gateway.core.errors import NotFound
from gateway.core.identity import SYSTEM
from gateway.features.messaging import service_deliveries, service_matching
from tests.services.conftest import Open
from tests.services.meanwhile import Meanwhile
from tests.services.outbox import Outbox

DELETE = text("DELETE FROM messaging_destinations WHERE id = :id")


def test_events_are_matched_on_though_a_destination_goes(outbox: Outbox, database: Database, unit: Open) -> None:
    gone, stays = outbox.add(), outbox.add()
    outbox.subscribe(gone)
    outbox.subscribe(stays)
    outbox.emit()

    def match() -> int:
        with unit(SYSTEM) as work:
            return service_matching.match_some(work)

    matching = Meanwhile(database, match)
    with database.engine.connect() as other:
        other.execute(DELETE, {"id": gone})
        matching.waits()
        other.commit()
    assert matching.ends() > 0
    assert [each.destination_id for each in outbox.deliveries()] == [stays]


def test_what_is_sent_again_there_is_not_found(outbox: Outbox, database: Database) -> None:
    destination_id = outbox.add()
    outbox.subscribe(destination_id)
    outbox.emit()
    outbox.node.work()
    [delivery] = outbox.deliveries()

    def again() -> Any:
        with outbox.open(outbox.actor) as work:
            return service_deliveries.redeliver(work, delivery.id)

    sending = Meanwhile(database, again)
    with database.engine.connect() as other:
        other.execute(DELETE, {"id": destination_id})
        sending.waits()
        other.commit()
    assert isinstance(sending.ends(), NotFound)


def test_a_test_locks_a_destination_before_anything_refers_to_it(outbox: Outbox, database: Database) -> None:
    destination_id = outbox.add()

    def begin() -> Any:
        with outbox.open(outbox.actor) as work:
            return service_deliveries.begin_test(work, destination_id)

    beginning = Meanwhile(database, begin)
    lock = "SELECT 1 FROM messaging_destinations WHERE id = :id FOR"
    with database.engine.connect() as other:
        other.execute(text(f"{lock} NO KEY UPDATE"), {"id": destination_id})
        beginning.waits()
        other.execute(text(f"{lock} UPDATE NOWAIT"), {"id": destination_id})
    assert not isinstance(beginning.ends(), Exception)


def test_who_waits_for_a_test_there_is_told(
    outbox: Outbox, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination_id = outbox.add()
    with outbox.open(outbox.actor) as work:
        delivery_id = service_deliveries.begin_test(work, destination_id)

    def delete(_: float) -> None:
        with database.engine.begin() as other:
            other.execute(DELETE, {"id": destination_id})

    monkeypatch.setattr(service_deliveries, "time", SimpleNamespace(monotonic=time.monotonic, sleep=delete))
    with pytest.raises(NotFound), outbox.open(outbox.actor) as work:
        service_deliveries.wait_for_test(work, delivery_id)
