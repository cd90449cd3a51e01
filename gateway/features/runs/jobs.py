"""What a node does for runs: it ends those that fell silent, and tells a collector of traces of those that ended."""

import json
import ssl
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from gateway.core import queue
from gateway.core.clock import now
from gateway.core.outbound.exchange import Bounds, OutboundError
from gateway.features.settings import service as settings

from . import service_external, service_otlp

if TYPE_CHECKING:
    from gateway.node.node import Node

log = structlog.get_logger("gateway.runs")

PAUSES_S = (2.0, 10.0, 60.0, 600.0)
"""Between tries to reach the collector; afterwards the run is not told."""

_BOUNDS = Bounds(total_s=5, body_bytes=64 * 1024, redirects=0)


async def end_leases(node: "Node") -> None:
    """Fails the runs whose lease is over, batch by batch."""
    while await node.unit(service_external.fail_unheard_of) == service_external.BATCH:
        pass


async def export(node: "Node", run_id: str, tries: int = 0) -> None:
    """Tells the collector of a run that has ended. One that does not answer is tried again later, in the queue."""
    endpoint = await node.unit(lambda work: str(settings.value(work, "otlp_endpoint")))
    spans = await node.unit(lambda work: service_otlp.for_export(work, uuid.UUID(run_id)))
    if not endpoint or spans is None:
        return
    problem = await _post(f"{endpoint.rstrip('/')}/v1/traces", json.dumps(spans).encode())
    if problem is None:
        return
    log.warning("the collector of traces did not take a run", run_id=run_id, problem=problem, tries=tries + 1)
    if tries < len(PAUSES_S):
        again = {"run_id": run_id, "tries": tries + 1}
        later = now() + timedelta(seconds=PAUSES_S[tries])
        await node.unit(lambda work: queue.defer(work.session, "runs.export", again, not_before=later))


async def _post(url: str, body: bytes) -> str | None:
    """None when it was taken, else why not. The operator named the host, so it may be one's own."""
    from gateway.core.outbound.guarded_http import GuardedClient  # only a node that tells a collector pays for it

    client = GuardedClient(tls=ssl.create_default_context(), allowed_hosts=[urlsplit(url).hostname or ""])
    try:
        headers = {"Content-Type": "application/json"}
        got = await client.request("POST", url, headers=headers, content=body, bounds=_BOUNDS)
    except OutboundError as error:
        return f"{error.code}: {error}"
    finally:
        await client.aclose()
    return None if 200 <= got.status < 300 else f"it answered {got.status}"


HANDLERS = {"runs.export": export}
DUTIES = {end_leases: 2.0}
