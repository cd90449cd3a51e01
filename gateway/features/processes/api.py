"""Routes of background processes."""

from flask import Response

from gateway.core.http.answers import answer, created, no_content, page_of
from gateway.core.http.room import Room, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page, PageQuery

from . import service, service_ports
from .models import Process, ProcessOutput
from .schemas import (
    PortIn,
    PortList,
    PortOut,
    ProcessIn,
    ProcessInputIn,
    ProcessOut,
    ProcessOutputOut,
    ProcessOutputQuery,
    TerminateIn,
)

room = Room("processes", __name__, title="Runs and sessions")


@room.post(
    "/runs/<uuid:id>/processes", responses={201: ProcessOut}, summary="Start a background process in its sandbox"
)
def start_process(path: IdPath, body: ProcessIn) -> Response:
    process = service.start(work(), path.id, body)
    return created(ProcessOut.model_validate(process), f"/v1/processes/{process.id}")


@room.get("/runs/<uuid:id>/processes", responses={200: Page[ProcessOut]}, summary="A run's background processes")
def list_processes(path: IdPath, query: PageQuery) -> Response:
    found = service.of_run(work(), path.id)
    paged = listed(work().session, found, Process.id, query)
    return page_of(ProcessOut, paged)


@room.get("/processes/<uuid:id>", responses={200: ProcessOut}, summary="One background process")
def get_process(path: IdPath) -> Response:
    return answer(ProcessOut.model_validate(service.get(work(), path.id)))


@room.get("/processes/<uuid:id>/output", responses={200: Page[ProcessOutputOut]}, summary="What it wrote, oldest first")
def get_output(path: IdPath, query: ProcessOutputQuery) -> Response:
    found = service.output(work(), path.id, query)
    paged = listed(work().session, found, ProcessOutput.seq, query, oldest_first=True)
    return page_of(ProcessOutputOut, paged)


@room.post("/processes/<uuid:id>/input", responses={202: ProcessOut}, summary="Write to its standard input")
def write_input(path: IdPath, body: ProcessInputIn) -> Response:
    return answer(ProcessOut.model_validate(service.write(work(), path.id, body)), 202)


@room.post("/processes/<uuid:id>/terminate", responses={202: ProcessOut}, summary="End it: SIGTERM, then SIGKILL")
def terminate_process(path: IdPath, body: TerminateIn) -> Response:
    return answer(ProcessOut.model_validate(service.terminate(work(), path.id, body.grace_s)), 202)


@room.get("/processes/<uuid:id>/ports", responses={200: PortList}, summary="Its forwarded ports")
def list_ports(path: IdPath) -> Response:
    return answer(service_ports.of_process(work(), path.id))


@room.post("/processes/<uuid:id>/ports", responses={201: PortOut}, summary="Reach a port of it from its node's machine")
def forward_port(path: IdPath, body: PortIn) -> Response:
    return created(service_ports.forward(work(), path.id, body.port), f"/v1/processes/{path.id}/ports")


@room.post("/processes/<uuid:id>/ports/close", responses={204: None}, summary="Forward a port of it no more")
def close_port(path: IdPath, body: PortIn) -> Response:
    service_ports.close(work(), path.id, body.port)
    return no_content()
