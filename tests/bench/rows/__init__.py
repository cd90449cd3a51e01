"""The rows of the table, in the order in which they run: those that fill the database come last."""

from collections.abc import Callable

from tests.bench.figures import Figure
from tests.bench.rows import (
    access_decision,
    artifact_transfer,
    at_rest,
    audit,
    chat,
    console,
    deliveries,
    event_latency,
    hook_to_start,
    http_route,
    preference_resolution,
    schedules,
    start_up,
    submit_to_start,
    task_create,
    task_list,
    task_throughput,
)
from tests.bench.stage import Stage

ROWS: dict[str, Callable[[Stage, int], list[Figure]]] = {
    "start-up": start_up.measure,
    "window": console.measure_window,
    "pages": console.measure_pages,
    "memory": at_rest.measure,
    "requests": http_route.measure,
    "access": access_decision.measure,
    "preferences": preference_resolution.measure,
    "create": task_create.measure,
    "start": submit_to_start.measure,
    "hooks": hook_to_start.measure,
    "throughput": task_throughput.measure,
    "schedules": schedules.measure,
    "schedules-at-rest": schedules.measure_at_rest,
    "chat": chat.measure,
    "deliveries": deliveries.measure,
    "events": event_latency.measure,
    "artifacts": artifact_transfer.measure,
    "audit": audit.measure,
    "list": task_list.measure,
}
