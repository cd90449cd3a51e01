"""What a node does for background processes: wishes taken up and reports made several times a second."""

from typing import TYPE_CHECKING, Any

from . import service_node
from .host import Host
from .service_node import Wishes

if TYPE_CHECKING:
    from gateway.node.node import Node


async def attend(node: "Node") -> None:
    """Takes up what users wish of the processes of runs that are carried out here, and reports what became of them."""
    if not node.hosts:
        return
    hosts = dict(node.hosts)
    wanted = await node.unit(lambda work: service_node.wishes(work, set(hosts), node.holder))
    for wish in wanted.start:
        if wish.run_id in node.hosts:
            node.hosts[wish.run_id].start(wish)
    for host in hosts.values():
        await _pass_on(wanted, host)
        await host.report()


async def _pass_on(wanted: Wishes, host: Host) -> None:
    for piece in wanted.write:
        if process := host.has(piece.process_id):
            process.write(piece)
    for process_id, grace_s in wanted.terminate:
        if process := host.has(process_id):
            process.terminate(grace_s)
    for process_id, ports in wanted.ports.items():
        if process := host.has(process_id):
            await process.forward(ports)


async def bury(node: "Node") -> None:
    """Ends the records of processes that went with their sandbox without a word."""
    while await node.unit(service_node.bury) == service_node.BATCH:
        pass


HANDLERS: dict[str, Any] = {}
DUTIES = {attend: 0.25, bury: 5.0}
