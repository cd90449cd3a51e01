"""What a node does for hooks: it sends the answers that are owed, and drops what is old."""

import asyncio
import ssl
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateway.core.clock import now
from gateway.core.guarded_http import Bounds, GuardedClient, OutboundError
from gateway.core.key_store import KeyStore

from . import presets, queries, service_replies
from .service_replies import Owed

if TYPE_CHECKING:
    from gateway.node.node import Node

BATCH = 1000
AT_ONCE = 10

REQUESTS_KEPT = timedelta(days=30)
DELIVERIES_KEPT = timedelta(days=7)
"""For so long the same delivery is not acted on again; senders give up after about three days."""

_BOUNDS = Bounds(total_s=15, body_bytes=64 * 1024, redirects=0)
_GONE = (400, 401, 403, 404, 410, 413)


async def answer(node: "Node") -> None:
    """Sends answers of tasks that have ended to where their requests came from."""
    keys = KeyStore(node.data_dir.keys, node.config.master_key)
    taken = await node.unit(lambda work: service_replies.take(work, keys, AT_ONCE))
    await asyncio.gather(*(_send(node, owed) for owed in taken))


async def _send(node: "Node", owed: Owed) -> None:
    method, body = presets.message(owed.format, owed.text)
    client = GuardedClient(tls=ssl.create_default_context(), allowed_hosts=owed.allowed_hosts)
    try:
        headers = {"Content-Type": "application/json"}
        got = await client.request(method, owed.url, headers=headers, content=body, bounds=_BOUNDS)
    except OutboundError as error:
        reason, is_final = f"{error.code}: {error}", error.permanent
    else:
        if 200 <= got.status < 300:
            await node.unit(lambda work: service_replies.sent(work, owed.id))
            return
        reason, is_final = f"it was answered with {got.status}", got.status in _GONE
    finally:
        await client.aclose()
    await node.unit(lambda work: service_replies.failed(work, owed.id, reason, is_final=is_final))


async def purge(node: "Node") -> None:
    """Drops old requests, deliveries and expired secrets, batch by batch."""
    while await node.unit(lambda work: queries.drop_old_deliveries(work.session, now() - DELIVERIES_KEPT, BATCH)):
        pass
    while await node.unit(lambda work: queries.drop_old(work.session, now() - REQUESTS_KEPT, BATCH)):
        pass


HANDLERS: dict[str, Any] = {}
DUTIES = {answer: 1.0, purge: 3600.0}
