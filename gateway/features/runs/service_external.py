"""Rules of runs that tools outside keep themselves, and of those that sub-agents make within a node's run."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.core.clock import new_id
from gateway.core.errors import Conflict, Invalid
from gateway.core.tracing import Span
from gateway.core.unit_of_work import Work
from gateway.features.projects import service as projects
from gateway.features.sessions import service as sessions
from gateway.features.sessions import service_rest as rest

from . import queries, service, state
from .models import Run
from .schemas import METADATA_LIMIT, RunIn, RunPatch

BATCH = 200

UNHEARD = {"code": "not_heard_of", "message": "Nothing was heard of it for as long as its lease allows."}


def create(work: Work, wish: RunIn, caused_by: Span | None = None) -> Run:
    """A run of a tool of the caller's. Raises Invalid naming the session, parent or project that does not fit."""
    parent = _parent(work, wish.parent_run_id) if wish.parent_run_id is not None else None
    session_id = wish.session_id or (parent.session_id if parent else None)
    session = sessions.check_field(work, session_id) if session_id is not None else None
    project_id = wish.project_id or (parent.project_id if parent else session.project_id if session else None)
    project = projects.for_new_work(work, project_id, "runs.create")
    span = caused_by or (parent.span if parent else None)
    run = Run(
        id=new_id(), kind="external", name=wish.name, owner_id=work.actor.user_id, project_id=project.id,
        session_id=session_id, parent_run_id=wish.parent_run_id, status="pending", attempt=1, log_seq=0, version=1,
        metadata_=wish.metadata, lease_s=wish.lease_s, trace_id=span.trace_id if span else None,
        parent_span_id=span.span_id if span else None, log_pieces=0, log_bytes=0, log_cut=False, has_sub_agents=False,
    )  # fmt: skip
    work.session.add(run)
    service.heard_of(run)
    rest.stir(work, session_id)
    service.emit(work, run, "run.created", _data(run))
    if wish.status == "running":
        service.begin(run)
        service.emit(work, run, "run.started", _data(run))
    run.version = 1
    work.session.flush()
    return run


def change(work: Work, run: Run, patch: RunPatch) -> Run:
    """Changes a tool's own run, as `service.for_change` gave it. Raises Conflict for a step that does not exist."""
    if run.kind != "external":
        raise Conflict("A node carries this run out; cancel or retry its task instead.", code="run_not_external")
    if "metadata" in patch.model_fields_set:
        run.metadata_ = _checked(merged(run.metadata_, patch.metadata)) if patch.metadata is not None else {}
    if patch.status is not None and patch.status != run.status:
        _step(work, run, patch)
    elif "metadata" in patch.model_fields_set:
        run.version += 1
        service.emit(work, run, "run.updated", _data(run))
    service.heard_of(run)
    work.session.flush()
    return run


def fail_unheard_of(work: Work) -> int:
    """Ends runs whose lease is over; returns how many those were."""
    found = queries.lease_over(work.session, BATCH)
    for run_id in found:
        run = queries.locked(work.session, run_id)
        assert run is not None
        service.close(work, run, "failed", UNHEARD)
        service.emit(work, run, "run.failed", _data(run))
    return len(found)


def begin_sub_agent(
    work: Work, held: Run, name: str, metadata: dict[str, Any], above_id: uuid.UUID | None = None
) -> uuid.UUID:
    """What a sub-agent begins to do, as a run of its own below the held one, or below another sub-agent's of it."""
    above = queries.locked(work.session, above_id) if above_id is not None else held
    assert above is not None
    held.has_sub_agents = True
    run = Run(
        id=new_id(), kind="agent", name=name[:200], owner_id=above.owner_id, project_id=above.project_id,
        task_id=above.task_id, session_id=above.session_id, parent_run_id=above.id, node_id=above.node_id,
        status="pending", attempt=above.attempt, log_seq=0, version=1, metadata_=metadata, trace_id=above.span.trace_id,
        parent_span_id=above.span.span_id, log_pieces=0, log_bytes=0, log_cut=False, has_sub_agents=False,
    )  # fmt: skip
    work.session.add(run)
    service.begin(run)
    service.emit(work, run, "run.started", _data(run))
    work.session.flush()
    return run.id


def end_sub_agent(work: Work, run_id: uuid.UUID, status: str, error: dict[str, str] | None = None) -> None:
    """A sub-agent has done its part; one that ended with the run above it stays as it is."""
    run = queries.locked(work.session, run_id)
    if run is not None and run.status not in state.FINISHED:
        service.close(work, run, status, error)
        service.emit(work, run, f"run.{status}", _data(run))


def changed_since(work: Work, session_id: uuid.UUID, since: datetime, most: int) -> list[Run]:
    """The newest runs of tools in a session that began or ended since then, oldest first; on its owner's behalf."""
    return list(reversed(queries.external_since(work.session, session_id, since, most)))


def merged(before: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with a merge patch applied (RFC 7396)."""
    after = dict(before)
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict):
            below = after.get(name)
            after[name] = merged(below if isinstance(below, dict) else {}, value)
        else:
            after[name] = value
    return after


def _checked(metadata: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(metadata)) > METADATA_LIMIT:
        raise Invalid.field("metadata", f"merged, it would be longer than {METADATA_LIMIT} characters")
    return metadata


def _step(work: Work, run: Run, patch: RunPatch) -> None:
    after = patch.status
    assert after is not None
    if not state.may(state.RUN, run.status, after):
        onward = ", ".join(sorted(state.RUN[run.status])) or "nothing more"
        raise Conflict(f"A run that is {run.status} becomes {onward}, not {after}.", code="run_transition")
    if after == "running":
        service.begin(run)
    else:
        service.close(work, run, after, patch.error.model_dump() if patch.error else None)
    service.emit(work, run, "run.started" if after == "running" else f"run.{after}", _data(run))


def _parent(work: Work, run_id: uuid.UUID) -> Run:
    """A run that another one is put below. Only new runs are, so that there is no circle."""
    run = queries.one(work.session, work.actor, run_id)
    if run is None:
        raise Invalid.field("parent_run_id", "there is no such run, or it is not yours")
    work.allow("runs.update", run.as_resource)
    return run


def _data(run: Run) -> dict[str, Any]:
    return {
        "kind": run.kind, "name": run.name, "status": run.status, "attempt": run.attempt,
        "session_id": str(run.session_id) if run.session_id else None,
        "parent_run_id": str(run.parent_run_id) if run.parent_run_id else None,
    }  # fmt: skip
