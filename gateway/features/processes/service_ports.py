"""What users do with ports of background processes: have them forwarded to the node's loopback, and not any more."""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from gateway.core.errors import Conflict, Forbidden, NotFound
from gateway.core.identity import Actor
from gateway.core.policy import can
from gateway.core.unit_of_work import Work
from gateway.features.identity import service as identity
from gateway.features.preferences import constraints
from gateway.features.preferences import service as preferences
from gateway.features.preferences.constraints import Refusal
from gateway.features.settings import service as settings

from . import queries, service
from .models import Process, ProcessPort
from .schemas import PortList, PortOut

SETTING = "processes.forward_ports"

MOST = 8
"""Ports of one process at a time."""


def of_process(work: Work, process_id: uuid.UUID) -> PortList:
    """The forwarded ports of a process. Raises NotFound."""
    process = service.get(work, process_id)
    return PortList(items=[describe(row) for row in queries.ports(work.session, [process.id])])


def forward(work: Work, process_id: uuid.UUID, port: int) -> PortOut:
    """Has a port of a process reached from its node's machine. Raises Forbidden, Conflict."""
    process = service.open_one(work, process_id, "processes.forward")
    if not settings.value(work, SETTING):
        raise Forbidden(f"Ports are not forwarded here; an administrator can turn it on by the setting {SETTING}.")
    preferences.refuse(work, "processes.forward", process.as_resource, _refusals(work, process))
    found = {row.port: row for row in queries.ports(work.session, [process.id])}
    if port not in found:
        if len(found) >= MOST:
            raise Conflict(f"{MOST} ports of it are forwarded; close one first.", code="too_many_ports")
        actor = work.actor
        found[port] = ProcessPort(
            process_id=process.id, port=port, user_id=actor.user_id, via=actor.via, through=actor.through,
            address=actor.address, token_id=actor.credential_id if actor.via == "token" else None,
            created_by=actor.handle,
        )  # fmt: skip
        work.session.add(found[port])
        work.session.flush()
        service.note(work, process, "processes.forward", f"port {port} on the node's loopback")
    return describe(found[port])


def close(work: Work, process_id: uuid.UUID, port: int) -> None:
    """Has a port not forwarded any more; its connections are hung up on. Raises NotFound."""
    process = service.open_one(work, process_id, "processes.forward")
    if not queries.drop_ports(work.session, process.id, port):
        raise NotFound(f"Port {port} of this process is not forwarded.")
    tell(work, process, port, None)


def wanted(work: Work, processes: Sequence[Process]) -> dict[uuid.UUID, frozenset[int]]:
    """The ports of each that are to be forwarded by the setting and the rights of now; the others are taken back.

    A node asks this several times a second, so that nothing stays open that may not be.
    """
    by_id = {process.id: process for process in processes}
    ports: dict[uuid.UUID, set[int]] = {id_: set() for id_ in by_id}
    rows = queries.ports(work.session, list(by_id)) if by_id else ()
    is_on = bool(rows) and settings.value(work, SETTING)
    for row in rows:
        process = by_id[row.process_id]
        if is_on and _may_still(work, row, process):
            ports[process.id].add(row.port)
        elif queries.drop_ports(work.session, process.id, row.port):
            tell(work, process, row.port, None)
            why = (
                f"port {row.port}, forwarded for {row.created_by}, who may not any more"
                if is_on
                else f"port {row.port}"
            )
            service.note(work, process, "processes.forward", f"taken back: {why}")
    return {id_: frozenset(each) for id_, each in ports.items()}


def _may_still(work: Work, row: ProcessPort, process: Process) -> bool:
    actor: Actor | None = identity.agent_of(work, row.user_id, row.token_id)
    if actor is None or _refusals(work, process):
        return False
    as_then = replace(actor, via=row.via, through=row.through, address=row.address)
    return can(as_then, "processes.forward", process.as_resource).allowed


def _refusals(work: Work, process: Process) -> list[Refusal]:
    held = preferences.constraints(work, process.owner_id, process.project_id, process.task_id)
    return list(constraints.check_port(held))


def tell(work: Work, process: Process, port: int, local_port: int | None) -> None:
    """An event: the port is reached by now, or no more."""
    work.emit(
        "process.port_opened" if local_port else "process.port_closed", owner_id=process.owner_id,
        task_id=process.task_id, run_id=process.run_id, project_id=process.project_id,
        data={"process_id": str(process.id), "name": process.name, "port": port, "local_port": local_port},
    )  # fmt: skip


def describe(row: ProcessPort) -> PortOut:
    """A port as the wire shows it."""
    address = f"127.0.0.1:{row.local_port}" if row.local_port else None
    return PortOut(port=row.port, address=address, created_by=row.created_by, created_at=row.created_at)
