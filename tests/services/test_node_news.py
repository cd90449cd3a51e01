"""A node hears of events, also after it has lost the database."""

import asyncio
import time
from contextlib import suppress

import pytest
from sqlalchemy import text

from gateway import registry
from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.identity import SYSTEM
from gateway.core.unit_of_work import unit_of_work
from gateway.features.messaging import queries as messaging
from gateway.node import news as news_module
from gateway.node.news import News, told
from tests.conftest import wait_until

COUNTED = "SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN gateway_events' AND datname = current_database()"
ENDED = COUNTED.replace("*", "pg_terminate_backend(pid)")


def test_whoever_waits_is_told_of_an_event_again_after_the_connection_was_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news_module, "AGAIN_S", 0.05)
    news = News(database.engine.url.render_as_string(hide_password=False))

    def counted(query: str) -> int:
        with database.engine.begin() as connection:
            return connection.execute(text(query)).scalar_one()

    def tell() -> None:
        with unit_of_work(database.sessions, SYSTEM) as work:
            work.emit("test.told")

    async def is_told() -> bool:
        await asyncio.to_thread(wait_until, lambda: counted(COUNTED) == 1, 10)
        coming, began = news.next, time.monotonic()
        await asyncio.gather(told(coming, 20), asyncio.to_thread(tell))
        return coming.is_set() and time.monotonic() - began < 10

    async def all_of_it() -> None:
        following = asyncio.create_task(news.follow())
        assert await is_told()
        assert await asyncio.to_thread(counted, ENDED) == 1
        assert await is_told()
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following

    asyncio.run(all_of_it())


def test_without_news_one_waits_no_longer_than_one_meant_to() -> None:
    asyncio.run(asyncio.wait_for(told(asyncio.Event(), 0.3), 5))


def test_what_is_done_where_a_look_finds_something_has_one_that_can_be_asked(database: Database) -> None:
    looks = [look for door in registry.doors("jobs") for look in getattr(door, "LOOKS", {}).values()]
    assert looks
    for look in (*looks, messaging.ANYTHING_TO_DO):
        [row] = look.rows_alone(database.engine, moment=now())
        assert row.is_there in (True, False)
