"""Tools that reach services outside through connectors, under the same policy as their user; no secret is ever seen."""

import json
from typing import Any

from pydantic_ai import RunContext

from gateway.core.errors import Forbidden
from gateway.core.unit_of_work import Work
from gateway.features.connectors import jobs, service, service_operations
from gateway.features.connectors.schemas import ConnectorOut, OperationResult
from gateway.features.connectors.service_operations import Wanted
from gateway.features.preferences.constraints import FORBIDDEN

from . import trust
from .hands import Hands, Tool, call_id_of, shortened

MOST = 20
"""Connectors that a list names."""

MOST_OPERATIONS = 40
"""Operations of a connector that a list describes; of more it names the rest."""

THEIR_WORDS = ("tool_failed", "refused_by_service", "unexpected_answer")
"""Failures whose message holds what the service has said."""


async def list_connectors(ctx: RunContext[Hands]) -> str:
    """List the connectors to services outside that you may use: their operations, with the JSON Schema of each."""
    found = await ctx.deps.as_owner(lambda work: service.in_use(work, MOST))
    if not found:
        return "There are none."
    # Some of it is a server's own words. Reading it takes no right away, or nothing could ever be sent.
    return trust.marked("tool:connectors", shortened("\n\n".join(_described(each) for each in found)))


async def use_connector(
    ctx: RunContext[Hands], connector: str, operation: str, arguments: dict[str, Any] | None = None
) -> str:
    """Have a connector carry out one of its operations.

    Args:
        connector: Its name or id.
        operation: The operation's name.
        arguments: What the operation takes, as its JSON Schema says.
    """
    hands, plan = ctx.deps, ctx.deps.plan
    key = f"agent:{plan.task_id}:{hands.agent}:{call_id_of(ctx)}"[:255]
    wish = Wanted(operation, arguments or {}, key, plan.task_id, plan.run_id)

    def begin(work: Work) -> tuple[str, OperationResult]:
        found = _named(work, connector)
        with work.because("runs", plan.run_id, "its agent used a tool"):
            row, _ = service_operations.begin(work, found.id, wish, queued=False)
        return found.name, OperationResult.model_validate(row)

    name, row = await hands.as_owner(begin)
    if row.status == "denied":
        return f"Refused: {row.reason}."
    if row.status == "queued":  # carried out here and now: in the queue it would wait for the slot that this run holds
        await jobs.operate(hands.attempt.node, str(row.id))
        id_ = row.id
        row = await hands.attempt.node.unit(
            lambda work: OperationResult.model_validate(service_operations.look(work, id_))
        )
    return await told(hands, name, row)


async def told(hands: Hands, connector: str, row: OperationResult) -> str:
    """What a model reads of an operation: a service's own words marked, and recorded as a source. Raises Forbidden."""
    if row.status == "held":
        until = f"{row.due_at:%H:%M:%S} UTC, and may be undone till then" if row.due_at else "it is released"
        return f"It is held until {until}."
    if row.error is not None and row.error.code == FORBIDDEN:
        raise Forbidden(row.error.message, code=FORBIDDEN)
    source = f"tool:connector {connector}"
    if row.status == "failed" and row.error is not None:
        code, message = row.error.code, row.error.message
        return f"It failed ({code}): {await hands.from_outside(source, message) if code in THEIR_WORDS else message}"
    if row.status != "completed":
        return f"It is {row.status}."
    return await hands.from_outside(source, shortened(json.dumps(row.result, ensure_ascii=False)))


def _named(work: Work, name: str) -> ConnectorOut:
    for each in service.in_use(work, MOST):
        if name in (each.name, str(each.id)):
            return each
    raise ValueError(f"there is no connector {name!r}; list_connectors names them")


def _described(connector: ConnectorOut) -> str:
    allowed = [each for each in connector.operations if each.verdict != "deny"] or connector.operations
    lines = [
        f"  {each.name} ({each.mode}, {each.verdict}): {each.description} {json.dumps(each.input_schema)}"
        for each in allowed[:MOST_OPERATIONS]
    ]
    if rest := [each.name for each in allowed[MOST_OPERATIONS:]]:
        lines.append(f"  besides: {', '.join(rest)}")
    return "\n".join([f"{connector.name} ({connector.type}): {connector.description}", *lines])


TOOLS: dict[Tool, str] = {list_connectors: "connectors.read", use_connector: "agents.use_connector"}
