"""What users do with ports of background processes: have them forwarded to the node's loopback, and not any more."""

import uuid
from collections.abc import Sequence

from gateway.core.errors import Conflict, Forbidden, NotFound
from gateway.core.unit_of_work import Work
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
    found = {row.port: row for row in queries.ports(work.session, [process.id])}
    if port not in found:
        if len(found) >= MOST:
            raise Conflict(f"{MOST} ports of it are forwarded; close one first.", code="too_many_ports")
        found[port] = ProcessPort(process_id=process.id, port=port, created_by=work.actor.handle)
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


def take_back(work: Work, rows: Sequence[ProcessPort]) -> None:
    """Forwards these ports no more, whoever wanted them."""
    for row in rows:
        process = work.session.get(Process, row.process_id)
        if process is not None and queries.drop_ports(work.session, row.process_id, row.port):
            tell(work, process, row.port, None)


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
