"""What a node does for retention: it purges, in small pieces and with pauses."""

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from gateway.core.purging import Purgeable

from . import service, service_purge
from .rules import Rule
from .service_purge import Batch

if TYPE_CHECKING:
    from gateway.node.node import Node

log = structlog.get_logger("gateway.retention")

ROUND_S = 300.0
LEAST_PAUSE_S = 0.01


async def purge(node: "Node", sort: str) -> None:
    """Carries out the rules of one sort."""
    purgeable = node.purges.get(sort)
    if purgeable is None:
        return
    for rule in await node.unit(lambda work: service.in_force(work, sort)):
        await _carry_out(node, purgeable, rule)


async def purge_all(node: "Node") -> None:
    """Carries out every rule there is."""
    for sort in node.purges:
        await purge(node, sort)


async def _carry_out(node: "Node", purgeable: Purgeable, rule: Rule) -> None:
    wanted = await node.unit(lambda work: service_purge.aim(work, purgeable, rule))
    done: list[Batch] = []
    after = None
    while not wanted.is_empty and not node.stopping:
        began = time.monotonic()
        batch = await node.unit(
            lambda work, after=after: service_purge.purge(work, purgeable, rule, wanted, after)  # type: ignore[misc]
        )
        if batch.is_last:
            break
        done.append(batch)
        after = batch.after
        # As long as the batch took: readers and other writers have the disk to themselves for half of the time.
        await asyncio.sleep(max(LEAST_PAUSE_S, time.monotonic() - began))
    if count := sum(batch.count for batch in done):
        await node.unit(lambda work: service_purge.tell(work, rule, done))
        log.info("purged", sort=rule.sort, count=count, policy=str(rule.policy_id))


HANDLERS = {service.PURGE: purge}
GIVEN_UP = {service.PURGE: service_purge.given_up}
DUTIES = {purge_all: ROUND_S}
