"""The tool that reads web pages: Markdown of a page, from domains that preferences allow, marked as from outside."""

import ssl
import uuid
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from pydantic_ai import RunContext

from gateway.adapters.web.browser import read_page
from gateway.core.outbound.exchange import OutboundError
from gateway.core.outbound.guarded_http import GuardedClient
from gateway.core.unit_of_work import Work
from gateway.features.preferences import constraints
from gateway.features.preferences.resolution import Entry
from gateway.features.tasks.service_execution import Plan

from . import service, trust
from .hands import Hands, Tool

R = TypeVar("R")


class Units(Protocol):
    """Runs a function in a unit of work, as `Node.unit` does."""

    def __call__(self, act: Callable[[Work], R], /) -> Awaitable[R]:
        """What the function returned."""


async def read_web_page(ctx: RunContext[Hands], url: str) -> str:
    """Read a web page, as Markdown. Only domains that the user has allowed can be read.

    Args:
        url: Its address, beginning with https:// or http://.
    """
    hands = ctx.deps
    node = hands.attempt.node
    client = GuardedClient(tls=ssl.create_default_context())
    try:
        return await fetch_page(client, node.unit, hands.plan, node.holder, url)
    finally:
        await client.aclose()


async def fetch_page(client: GuardedClient, unit: Units, plan: Plan, holder: uuid.UUID, url: str) -> str:
    """What a model gets to read of `url`. The task is fed by that host from then on.

    Raises OutboundError (`forbidden_by_preference` for a domain that is not allowed, on redirects too), Fenced.
    """
    held = await unit(lambda work: service.held(work, plan))

    def check(host: str) -> None:
        if refusal := refused(held, host):
            raise OutboundError(refusal, code=constraints.FORBIDDEN)

    page = await read_page(client, url, check)
    source = f"web:{urlsplit(page.url).hostname}"
    await unit(lambda work: service.record_sources(work, plan, holder, [source]))
    rest = "\n\n(The page goes on; this is its beginning.)" if page.cut else ""
    return trust.marked(source, f"# {page.title}\n{page.url}\n\n{page.text}{rest}")


def refused(held: tuple[Entry, ...], host: str) -> str | None:
    """Why a page of `host` may not be read: the browser is off until a preference names domains."""
    if not any(entry.key == constraints.DOMAINS for entry in held):
        return f"No web page may be read until the preference {constraints.DOMAINS} names domains."
    refusal = next(constraints.check_domain(held, host), None)
    return refusal.sentence if refusal else None


TOOLS: dict[Tool, str] = {read_web_page: "agents.browse"}
