"""The secure browser: one page, fetched by the guarded client, as Markdown. It clicks, fills in and runs nothing."""

import base64
from dataclasses import dataclass
from pathlib import Path

from gateway.core.apart import apart
from gateway.core.outbound.exchange import Bounds, Check, OutboundError
from gateway.core.outbound.guarded_http import GuardedClient

from . import page_text
from .page_text import NoPage, Page

BOUNDS = Bounds(total_s=20, body_bytes=2**20)

READING_S = 10.0
"""How long reading one page may take."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read, and where that was in the end; `cut` when there is more of it."""

    url: str
    title: str
    text: str
    cut: bool


async def read_page(client: GuardedClient, url: str, check: Check) -> Read:
    """Reads `url`. `check` is asked for each host on the way. Raises OutboundError."""
    answer = await client.request(
        "GET", url, headers={"Accept": "text/html, text/plain;q=0.9, */*;q=0.1"}, bounds=BOUNDS, check=check
    )
    if answer.status >= 400:
        passing = answer.status >= 500 or answer.status == 429
        raise OutboundError(f"The page answered {answer.status}.", code="page_failed", permanent=not passing)
    try:
        page = await read_apart(answer.content, answer.headers.get("Content-Type", ""), answer.url)
    except NoPage as problem:
        raise OutboundError(str(problem), code="no_page") from problem
    return Read(answer.url, page.title, page.text, page.cut or answer.cut)


async def read_apart(content: bytes, content_type: str, url: str) -> Page:
    """The text of what was fetched from `url`, read in a process of its own. Raises NoPage."""
    wish = {"url": url, "content_type": content_type, "content": base64.b64encode(content).decode()}
    answer = await apart(Path(page_text.__file__), wish, seconds=READING_S) or {}
    if "text" not in answer:
        raise NoPage(answer.get("problem", "It is built so that it cannot be read."))
    return Page(**answer)
