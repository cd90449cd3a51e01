"""The agent's tools, each call of which is asked about, held against preferences, recorded, and made once only."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog
from pydantic_ai import RunContext
from pydantic_ai.exceptions import ModelRetry
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset, ToolsetTool, WrapperToolset
from sqlalchemy.exc import InterfaceError, OperationalError

from gateway.adapters.providers.base import ProviderError
from gateway.adapters.sandboxes.base import SandboxError
from gateway.core.clock import now
from gateway.core.errors import GatewayError
from gateway.core.outbound.exchange import OutboundError
from gateway.features.runs.service_holding import Fenced

from . import (
    service_steps,
    tools_asking,
    tools_connectors,
    tools_processes,
    tools_records,
    tools_sandbox,
    tools_schedules,
    tools_web,
)
from .hands import Hands, Tool, call_id_of
from .service import AgentStopped, AwaitingAnswer
from .service_steps import Step

log = structlog.get_logger("gateway.agents")

SAME_AGAIN = 3
"""The third call that asks the same, and is answered the same, is a loop: the model is told."""

ONLY_WAIT = ("ask_user", "delegate")
"""Tools that wait for somebody else, and can be called again without doing anything twice."""

LOOP = 5
"""With this many it is ended."""


def toolset(
    hands: Hands, done: Sequence[Any], more: dict[Tool, str], outside: Sequence[AbstractToolset[Hands]] = ()
) -> list[AbstractToolset[Hands]]:
    """The tools of one agent. `done` are its steps until now, `more` further functions and the action of each."""
    functions: dict[Tool, str] = {
        **tools_sandbox.TOOLS,
        **tools_processes.TOOLS,
        **tools_records.TOOLS,
        **tools_schedules.TOOLS,
        **tools_asking.TOOLS,
        **tools_web.TOOLS,
        **tools_connectors.TOOLS,
        **more,
    }
    actions = {function.__name__: action for function, action in functions.items()}
    own: AbstractToolset[Hands] = FunctionToolset(list(functions), max_retries=3)
    return [Recorded(each, hands, actions, done) for each in (own, *outside)]


class Recorded(WrapperToolset[Hands]):
    """Tools under policy. What cannot be done is told to the model, which may do something else."""

    def __init__(
        self, wrapped: AbstractToolset[Hands], hands: Hands, actions: dict[str, str], done: Sequence[Any]
    ) -> None:
        super().__init__(wrapped)
        self._hands = hands
        self._actions = actions
        self._done = {step.call_id: step.text for step in done if step.kind == "tool" and step.status == "completed"}
        self._seen: Counter[str] = Counter()

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Hands], tool: ToolsetTool[Hands]
    ) -> Any:
        """What the model reads. Raises AgentStopped for a loop, AwaitingAnswer, Fenced."""
        call_id = call_id_of(ctx)
        if call_id in self._done:
            return self._done[call_id]
        hands, status = self._hands, "completed"
        arguments = json.loads(json.dumps(tool_args, default=str))
        step = Step(hands.agent, "tool", "", now(), call_id=call_id, name=name, arguments=arguments)
        doing = f"{hands.agent}/{call_id}"
        if name not in ONLY_WAIT:
            hands.at_work.add(doing)
        hands.note(f"{name} {json.dumps(tool_args, ensure_ascii=False, default=str)[:400]}\n")
        try:
            if action := self._actions.get(name):
                await hands.permit(action)
            text = str(await super().call_tool(name, tool_args, replace(ctx, deps=replace(hands, step=step)), tool))
        except (GatewayError, OutboundError) as error:
            status, text = "refused", f"Refused: {getattr(error, 'detail', error)}"
        except (SandboxError, ProviderError) as error:
            status, text = "failed", f"It could not be done: {error}"
        except (ModelRetry, AgentStopped, AwaitingAnswer, Fenced, OperationalError, InterfaceError):
            raise
        except ValueError as error:
            status, text = "failed", f"It failed: {error}"
        except Exception:
            log.exception("a tool failed unexpectedly", tool=name, run_id=str(hands.plan.run_id))
            status, text = "failed", "The tool failed; the gateway's log says why."
        finally:
            hands.at_work.discard(doing)
        ended = replace(step, text=text, status=status, ended_at=now())
        holder = hands.attempt.node.holder
        await hands.attempt.node.unit(lambda work: service_steps.record(work, hands.plan, holder, ended))
        return self._unless_looping(name, arguments, text)

    def _unless_looping(self, name: str, arguments: dict[str, Any], text: str) -> str:
        key = json.dumps([name, arguments, text], sort_keys=True)
        self._seen[key] += 1
        if self._seen[key] >= LOOP:
            raise AgentStopped(
                "agent_loop", f"It called {name} {LOOP} times with the same arguments and the same outcome."
            )
        if self._seen[key] >= SAME_AGAIN:
            return f"{text}\n(You have done exactly this {self._seen[key]} times. Do something else, or answer.)"
        return text
