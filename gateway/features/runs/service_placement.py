"""Where runs wait and why: the queues that want a node of a kind, the place of a job, and how many wait."""

import uuid
from collections.abc import Sequence
from typing import Any

from gateway.core.clock import now
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work
from gateway.features.nodes import placement
from gateway.features.nodes import service as nodes
from gateway.features.nodes.schemas import Candidate, PlacementOut

from . import queries, service
from .models import Run
from .schemas import Depth, QueueDepth

Wanted = tuple[str, dict[str, Any] | None]
"""A queue in which runs wait for a node of a kind, and what their tasks require of it."""


def wanted(work: Work) -> list[Wanted]:
    """The queues in which runs wait for a node of a kind."""
    return queries.choosy(work.session)


def placement_of(work: Work, job_id: uuid.UUID) -> PlacementOut:
    """Where a job runs or would run, and why. Raises NotFound."""
    job = service.get_job(work, job_id)
    run = service.get(work, job.run_id)
    found = nodes.candidates(work)
    candidates = []
    for node in found:
        others = [other for other in found if other.id != node.id]
        reasons = placement.refusals(node, others, run.queue, run.requires)
        candidates.append(
            Candidate(node_id=node.id, name=node.name, fits=not reasons, free=node.is_free, reasons=reasons)
        )
    name = nodes.names(work).get(run.node_id) if run.node_id else None
    plain = {"queue": run.queue, "requires": run.requires, "node_id": run.node_id, "node": name}
    return PlacementOut.model_validate(
        {
            "job_id": job.id,
            "run_id": run.id,
            "run_status": run.status,
            "explanation": _explanation(run, name, candidates),
            "candidates": candidates,
            **plain,
        }
    )


def _explanation(run: Run, node: str | None, candidates: Sequence[Candidate]) -> str:
    if run.node_id is not None:
        return f"{node} took it from the queue {run.queue}, having been free first of the nodes that suit it."
    if run.status != "pending":
        return f"It was {run.status} before any node took it."
    fitting = [candidate for candidate in candidates if candidate.fits]
    if not candidates:
        return "It waits: no node is online."
    if not fitting:
        return "It waits: none of the nodes that are online suits it."
    if not any(candidate.free for candidate in fitting):
        return "It waits: the nodes that suit it are all busy."
    return "It waits for its turn; a node that suits it is free."


def queue_depth(work: Work) -> QueueDepth:
    """The caller's runs that wait for a node or are at work on one, by state, queue and node."""
    work.allow("queue.read", Resource("queue"))
    by_state: dict[str, int] = {"pending": 0, "running": 0}
    by_node: dict[str, int] = {}
    by_queue: dict[str, int] = {}
    oldest = None
    names = nodes.names(work)
    for status, node_id, place, count, since in queries.depth(work.session, work.actor):
        by_state[status] += count
        by_queue[place] = by_queue.get(place, 0) + count
        if node_id is not None:
            by_node[names[node_id]] = by_node.get(names[node_id], 0) + count
        if status == "pending":
            oldest = since if oldest is None else min(oldest, since)
    return QueueDepth(
        depth=Depth(by_state=by_state, by_queue=by_queue, by_node=by_node),
        oldest_age_s=(now() - oldest).total_seconds() if oldest else None,
    )
