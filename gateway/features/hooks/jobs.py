"""What a node does for hooks: it sends the answers that are owed, and drops what is old."""

import asyncio
import ssl
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateway.core.clock import now
from gateway.core.errors import Conflict, GatewayError
from gateway.core.outbound.exchange import Bounds, OutboundError
from gateway.core.secrets.key_store import KeyStore
from gateway.features.connectors.jobs import operate
from gateway.features.connectors.state import UNDER_WAY

from . import presets, queries, service_replies
from .service_replies import Owed, Post

if TYPE_CHECKING:
    from gateway.node.node import Node

BATCH = 1000
AT_ONCE = 10

REQUESTS_KEPT = timedelta(days=30)
DELIVERIES_KEPT = timedelta(days=7)
"""For so long the same delivery is not acted on again; senders give up after about three days."""

_BOUNDS = Bounds(total_s=15, body_bytes=64 * 1024, redirects=0)
_PASSING = frozenset({"rate_limited", "unreachable", "unknown_host"})
"""What may go well another time, of the ways in which a connector fails."""

_GONE = (400, 401, 403, 404, 410, 413)


async def answer(node: "Node") -> None:
    """Sends answers of tasks that have ended to where their requests came from."""
    keys = KeyStore(node.data_dir.keys, node.config.master_key)
    taken = await node.unit(lambda work: service_replies.take(work, keys, AT_ONCE))
    await asyncio.gather(*(_post(node, each) if isinstance(each, Post) else _send(node, each) for each in taken))


async def _post(node: "Node", post: Post) -> None:
    """Writes an answer into its channel; what the connector holds back is in the hands of whoever releases it.

    What another node is about to write, or was when it was lost, is looked at again when the lease is over.
    """
    try:
        begun = await node.unit(lambda work: service_replies.begin(work, post), post.owner)
    except GatewayError as refusal:
        detail, passes = refusal.detail, isinstance(refusal, Conflict)
        await node.unit(lambda work: service_replies.failed(work, post.id, detail, is_final=not passes))
        return
    if begun.status == "queued":  # carried out here and now, so that it is known how it ended
        await operate(node, str(begun.id))
    status, error = await node.unit(lambda work: service_replies.came_to(work, begun.id))
    if status == "failed":
        reason, is_final = f"{error.get('code')}: {error.get('message')}", error.get("code") not in _PASSING
        await node.unit(lambda work: service_replies.failed(work, post.id, reason, is_final=is_final))
    elif status == "denied":
        await node.unit(lambda work: service_replies.failed(work, post.id, begun.reason, is_final=True))
    elif status not in UNDER_WAY:
        await node.unit(lambda work: service_replies.sent(work, post.id))


async def _send(node: "Node", owed: Owed) -> None:
    from gateway.core.outbound.guarded_http import GuardedClient  # only a node that answers pays for it

    method, body = presets.message(owed.format, owed.text)
    client = GuardedClient(tls=ssl.create_default_context(), allowed_hosts=owed.allowed_hosts)
    try:
        headers = {"Content-Type": "application/json", "webhook-id": str(owed.id)}
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
LOOKS = {answer: queries.ANY_IS_OWED}
DUTIES = {answer: 1.0, purge: 3600.0}
