"""RSS and Atom feeds, read with feedparser."""

import asyncio
import io
from typing import Any

from pydantic import Field

from gateway.adapters.connectors.base import (
    Answer,
    Arguments,
    Connector,
    Found,
    Polled,
    PollingConfig,
    WebAddress,
    operation,
)
from gateway.adapters.connectors.failure import ConnectorError
from gateway.adapters.connectors.json_api import check_status, request

FEED_BYTES = 4 * 2**20
REMEMBERED = 500
"""Ids of entries that are known not to be new."""


class FeedConfig(PollingConfig):
    """Which feed."""

    url: WebAddress = Field(title="Address of the feed")


class Entries(Arguments):
    """How many entries."""

    limit: int = Field(20, title="At most", ge=1, le=200)


class Entry(Answer):
    """An entry of a feed."""

    id: str
    title: str
    link: str
    published: str
    summary: str


class FeedAnswer(Answer):
    """A feed with its newest entries, in its own order."""

    title: str
    entries: list[Entry]


class Feed(Connector[FeedConfig]):
    """A feed."""

    kind, title = "feed", "RSS or Atom feed"
    summary = "Read a feed, and hear of new entries."
    Config = FeedConfig
    secret_goes_to = ()
    needs_secret = False
    happening = "item_received"

    @operation("read", "Read entries")
    async def read_entries(self, arguments: Entries) -> FeedAnswer:
        """Read the entries of the feed."""
        feed = await self._read()
        return FeedAnswer(title=feed.title, entries=feed.entries[: arguments.limit])

    async def test(self) -> Found:
        """Reads the feed."""
        feed = await self._read()
        return Found(f"{feed.title or 'The feed'} has {len(feed.entries)} entries.")

    async def poll(self, position: dict[str, Any]) -> Polled:
        """Entries that were not there before; the first look only takes note of what is there."""
        entries = (await self._read()).entries
        ids = [entry.id for entry in entries]
        if "seen" not in position:
            return Polled({"seen": ids[:REMEMBERED]})
        known = set(position["seen"])
        fresh = {entry.id: entry.model_dump() for entry in reversed(entries) if entry.id not in known}
        seen = [*ids, *(each for each in position["seen"] if each not in ids)]
        return Polled({"seen": seen[:REMEMBERED]}, tuple(fresh.values()))

    async def _read(self) -> FeedAnswer:
        answer = await request(self.egress, "GET", self.config.url, most=FEED_BYTES)
        check_status(answer)
        return await asyncio.to_thread(_parsed, answer.content)


def _parsed(content: bytes) -> FeedAnswer:
    import feedparser  # only a node that reads a feed pays for it

    # A stream, not the bytes: those would first be tried as the name of a file.
    found = feedparser.parse(io.BytesIO(content))
    if not found.version:
        raise ConnectorError("That address answers no feed.", code="unexpected_answer")
    entries = [
        Entry(
            id=str(each.get("id") or each.get("link") or each.get("title", "")), title=str(each.get("title", ""))[:500],
            link=str(each.get("link", ""))[:2000], published=str(each.get("published") or each.get("updated", "")),
            summary=str(each.get("summary", ""))[:4000],
        )
        for each in found.entries[:REMEMBERED]
    ]  # fmt: skip
    return FeedAnswer(title=str(found.feed.get("title", ""))[:500], entries=entries)
