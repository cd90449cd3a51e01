"""What a node is told to do with background processes, however often the answer to it is lost."""

from gateway.core.clock import now
from gateway.core.identity import SYSTEM, Actor
from gateway.features.processes import service, service_node
from gateway.features.processes.schemas import ProcessIn
from gateway.features.processes.service_node import Report
from tests.services.conftest import Open, PlainNode, Tasks


def test_a_process_is_to_be_started_until_it_is(unit: Open, alice: Actor, mine: Tasks, node: PlainNode) -> None:
    run_id = mine.create().run_id
    assert run_id is not None
    node.begin(run_id)
    with unit(alice) as work:
        process = service.start(work, run_id, ProcessIn(command="true"))

    def to_start(by: PlainNode) -> list[object]:
        with unit(SYSTEM) as work:
            return [wish.process_id for wish in service_node.wishes(work, {run_id}, by.holder).start]

    assert [to_start(node), to_start(node)] == [[process.id], [process.id]]
    assert to_start(node.another()) == []
    with unit(SYSTEM) as work:
        service_node.report(work, node.holder, {process.id: Report(started_at=now())})
    assert to_start(node) == []
    node.end(run_id)
