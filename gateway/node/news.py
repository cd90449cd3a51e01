"""News of the event log: what looks for work now and then looks at once when there is some, and seldom when not."""

import asyncio
from contextlib import suppress

import psycopg

from gateway.core.database import libpq_url
from gateway.core.events import CHANNEL

AGAIN_S = 1.0
"""How soon it listens again after the database was lost."""

LEAST_PAUSE_S = 0.25
"""How long nobody looks again, whatever happens: where there is one event there are soon more."""


class News:
    """Follows NOTIFY, which is only a hint: whoever waits for news looks without it, too."""

    def __init__(self, url: str) -> None:
        self._url = libpq_url(url)
        self._next = asyncio.Event()

    async def follow(self) -> None:
        """Listens, again and again where the database went away."""
        while True:
            with suppress(psycopg.Error):
                async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    while True:
                        async for _ in connection.notifies(stop_after=1):
                            told, self._next = self._next, asyncio.Event()
                            told.set()
                        await asyncio.sleep(LEAST_PAUSE_S)  # nobody looks again sooner
            await asyncio.sleep(AGAIN_S)

    @property
    def next(self) -> asyncio.Event:
        """Set by the next notification."""
        return self._next


async def told(news: asyncio.Event, at_most_s: float, least_s: float = LEAST_PAUSE_S) -> None:
    """Waits for news, and no longer than `at_most_s` seconds, but `least_s` in any case."""
    await asyncio.sleep(least_s)
    with suppress(TimeoutError):
        # Not wait_for, which until Python 3.12 forgets that it is canceled when the news comes at that moment.
        async with asyncio.timeout(at_most_s - least_s):
            await news.wait()
