"""Waiting for news ends with whoever waits."""

import asyncio

import pytest

from gateway.node.news import told


def test_who_is_stopped_as_the_news_comes_is_stopped() -> None:
    async def both_at_once() -> None:
        news = asyncio.Event()
        waiting = asyncio.create_task(told(news, 30, 0))
        await asyncio.sleep(0.01)
        news.set()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(both_at_once())
