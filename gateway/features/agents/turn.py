"""One agent at work on Pydantic AI: it thinks, uses tools, and answers. Imported when a first prompt needs it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_ai import Agent, RunContext
from pydantic_ai.exceptions import AgentRunError, UnexpectedModelBehavior, UsageLimitExceeded
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
)
from pydantic_ai.models import Model
from pydantic_ai.usage import RunUsage, UsageLimits

from gateway.adapters.providers.base import Ability, ProviderError
from gateway.adapters.providers.completion import Completion
from gateway.adapters.sandboxes import workspace
from gateway.adapters.sandboxes.supervision import uninterrupted
from gateway.core.clock import now
from gateway.core.secrets.redaction import redact
from gateway.core.storable import storable
from gateway.features.limits import service_spending as spending
from gateway.features.processes.host import hosted
from gateway.features.runs import service_external as external
from gateway.features.tasks.in_sandbox import input_name, inputs_of
from gateway.features.tasks.service_execution import Plan

from . import conversation, instructions, service_steps, tools
from .hands import Hands, Tool
from .metered_model import MeteredModel
from .models import AgentStep
from .prompted_tools import PromptedTools
from .service import AgentStopped, AwaitingAnswer, Brief
from .service_steps import Step
from .shortened_model import ShortenedModel

if TYPE_CHECKING:
    from gateway.features.tasks.jobs import Attempt


SHORTENED = "shortened"
"""The name of a step that tells that the conversation was shortened."""

DEEPEST = 2
"""How far agents may give work on: the task's own, one below it, and one below that."""


class Turn:
    """An agent with its conversation. `done` are the steps of lost runs that it takes up."""

    def __init__(self, hands: Hands, model: Model, brief: Brief, done: Sequence[AgentStep], *, streams: bool) -> None:
        self._hands = hands
        self._model = model
        self._brief = brief
        self._done = [step for step in done if step.agent == hands.agent]
        self._all_done = done
        self._streams = streams
        self._history: list[ModelMessage] = []
        self._usage = RunUsage()
        self._has_spoken = False
        for step in self._done:
            if step.kind == "model" and step.messages:
                self._history += ModelMessagesTypeAdapter.validate_python(step.messages)
                self._usage += RunUsage(
                    requests=1, input_tokens=step.prompt_tokens, output_tokens=step.completion_tokens
                )
        depth = hands.agent.count("/")
        below: dict[Tool, str] = {self.delegate: "agents.delegate"} if depth < DEEPEST else {}
        self._agent = Agent(
            model, deps_type=Hands, instructions=instructions.of(brief, hands.plan, is_below=bool(hands.agent)),
            toolsets=tools.toolset(hands, self._done, below),
        )  # fmt: skip

    @property
    def said(self) -> list[str]:
        """What the user, or whoever checks, has said to it so far."""
        return conversation.user_texts(self._history)

    def finished(self) -> Completion | None:
        """The answer that a lost run had given already, if its conversation ends with one."""
        last = self._history[-1] if self._history else None
        if isinstance(last, ModelResponse) and not any(isinstance(part, ToolCallPart) for part in last.parts):
            return Completion(last.text or "", "stop", None)
        return None

    async def say(self, content: Any, before: Sequence[ModelMessage] = ()) -> Completion:
        """Its answer to the user, or, with None, where a lost run left off.

        Raises ProviderError, AgentStopped, Fenced.
        """
        history = [*before, *self._history]
        limits = UsageLimits(request_limit=self._hands.steps, total_tokens_limit=self._brief.max_tokens)
        try:
            async with self._agent.iter(
                content, message_history=history or None, deps=self._hands, usage_limits=limits, usage=self._usage
            ) as run:
                begun, kept = now(), 0
                async for node in run:
                    if Agent.is_model_request_node(node):
                        begun = now()
                        if self._streams:
                            async with node.stream(run.ctx) as stream:
                                async for event in stream:
                                    self._hear(event)
                    elif Agent.is_call_tools_node(node):
                        new = [*run.new_messages()]
                        if node.model_response not in new:
                            new.append(node.model_response)
                        await self._keep(new[kept:], node.model_response, begun)
                        kept = len(new)
                assert run.result is not None
                return Completion(storable(run.result.output), "stop", None)
        except UsageLimitExceeded as error:
            raise AgentStopped("budget_exhausted", self._spent()) from error
        except (AgentRunError, UnexpectedModelBehavior) as error:
            message = redact(f"The model failed: {error}").text[:600]
            raise ProviderError(message, code="inference_failed", permanent=False) from None

    def _spent(self) -> str:
        """Which budget is used up, in a sentence."""
        if self._usage.requests >= self._hands.steps:
            used, held = f"{self._hands.steps} steps", "agents.max_steps"
        else:
            used, held = f"{self._brief.max_tokens} tokens", "agents.max_tokens"
        return f"It used the {used} it may, and was stopped. The setting {held} holds the limit."

    async def _keep(self, new: list[ModelMessage], response: ModelResponse, begun: datetime) -> None:
        """Stores the reply with all that led to it; text that did not come as a stream goes into the log."""
        if response in self._history:
            return  # of a lost run, whose tools are now called
        self._history += new
        hands, plan = self._hands, self._hands.plan
        if not self._streams and response.text and not hands.agent:
            self._speak(response.text, is_new=True)
        step = Step(
            hands.agent, "model", storable(response.text or ""), begun,
            messages=ModelMessagesTypeAdapter.dump_python(new, mode="json"),
            prompt_tokens=response.usage.input_tokens, completion_tokens=response.usage.output_tokens,
        )  # fmt: skip
        holder = hands.attempt.node.holder
        await hands.attempt.node.unit(lambda work: service_steps.record(work, plan, holder, step))
        if self._brief.max_cost_micros:
            read, written = self._usage.input_tokens, self._usage.output_tokens
            listed = hands.attempt.node.models.price(plan.model)
            cost = await hands.attempt.node.unit(
                lambda work: spending.cost_micros(work, plan.model, read, written, listed)
            )
            if cost > self._brief.max_cost_micros:
                raise AgentStopped(
                    "budget_exhausted", "It was stopped: it cost more than agents.max_cost_micros allows."
                )

    def _hear(self, event: Any) -> None:
        """Passes text on as it comes; that of sub-agents is for the agent above them."""
        if self._hands.agent:
            return
        if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
            self._speak(event.part.content, is_new=True)
        elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
            self._speak(event.delta.content_delta)

    def _speak(self, text: str, *, is_new: bool = False) -> None:
        """Writes into the log what the user reads; what is said between two uses of tools is a paragraph of its own."""
        if is_new and self._has_spoken:
            text = f"\n\n{text}"
        self._has_spoken = self._has_spoken or bool(text)
        self._hands.attempt.log.write(self._hands.plan.job_ids[0], "answer", text)

    async def delegate(self, ctx: RunContext[Hands], task: str, most_steps: int = 20) -> str:
        """Give a part of the work to an agent of its own, which has the same tools and workspace, and wait for it.

        Args:
            task: All that it has to know; it sees nothing of this conversation.
            most_steps: How often it may ask the model.
        """
        hands = self._hands
        left = hands.steps - self._usage.requests
        path = f"{hands.agent}/{len(self._history)}:{ctx.tool_call_id}"
        steps = max(1, min(most_steps, left // 2))
        node, data = hands.attempt.node, {"agent": path, "task": storable(task[:1000]), "steps": steps}
        run_id = await node.unit(lambda work: service_steps.spawn(work, hands.plan, node.holder, hands.run_id, data))
        below = replace(hands, agent=path, steps=steps, run_id=run_id)
        turn = Turn(below, self._model, self._brief, self._all_done, streams=self._streams)
        try:
            answer = turn.finished() or await turn.say(None if turn.said else task)
        except AgentStopped as stopped:
            error = {"code": stopped.code, "message": str(stopped)}
            await node.unit(lambda work: external.end_sub_agent(work, run_id, "failed", error))
            return f"It did not finish. {stopped}"
        finally:
            self._usage.requests += turn._usage.requests
        await node.unit(lambda work: external.end_sub_agent(work, run_id, "completed"))
        return answer.text


@asynccontextmanager
async def opened(attempt: "Attempt", plan: Plan, brief: Brief, ability: Ability) -> AsyncIterator["AgentAnswers"]:
    """The agent of a task with its workspace, which a lost run may have begun to fill."""
    node = attempt.node
    done = await node.unit(lambda work: service_steps.done(work, plan))
    inputs = await asyncio.to_thread(inputs_of, node.store, plan)
    lost = [str(step.run_id) for step in done if step.run_id != plan.run_id]
    folder, stays = node.data_dir.work / str(plan.run_id), False
    try:
        await uninterrupted(asyncio.to_thread(_fill, folder, lost, inputs))
        upstream = await node.models.upstream(plan.model, lambda *told: attempt.log.progress(plan.job_ids[0], *told))
        plain: Model = MeteredModel(upstream, node, plan)
        asked = PromptedTools(plain) if ability == "prompted" else plain
        window = node.models.context_size(plan.model) or brief.max_context_tokens
        model = ShortenedModel(asked, plain, window, lambda text: _tell_shortened(attempt, plan, text))
        hands = Hands(attempt, plan, folder, brief.max_steps)
        said = await node.unit(lambda work: service_steps.conversation(work, plan))
        data = {"model": plan.model, "tools": ability, "resumed": bool(done)}
        await node.unit(lambda work: service_steps.tell(work, plan, "agent.started", data))
        async with hosted(node, plan.run_id, folder, env=plan.env, network=plan.network, seconds=plan.timeout_s):
            yield AgentAnswers(hands, Turn(hands, model, brief, done, streams=ability == "tools"), said)
    except AwaitingAnswer:
        stays = True  # the next run goes on in it
        raise
    finally:
        if not stays:
            await uninterrupted(asyncio.to_thread(workspace.remove, folder))


async def _tell_shortened(attempt: "Attempt", plan: Plan, text: str) -> None:
    """Records that the conversation was shortened before it was sent."""
    step = Step("", "model", storable(text), now(), name=SHORTENED)
    await attempt.node.unit(lambda work: service_steps.record(work, plan, attempt.node.holder, step))


class AgentAnswers:
    """A task's agent, as whoever checks its answers talks to it."""

    def __init__(self, hands: Hands, turn: Turn, said: list[dict[str, Any]]) -> None:
        self.hands = hands
        self._turn = turn
        self._before = conversation.read(said[:-1])
        files = ", ".join(f"inputs/{input_name(name)}" for name, _ in hands.plan.inputs)
        content = conversation.contents(said[-1].get("content"))
        if files:
            note = f"Attached: {files}"
            content = f"{content}\n\n{note}" if isinstance(content, str) else [*content, note]
        self._asked = content

    @property
    def rounds(self) -> int:
        """How often an answer was sent back to be mended, by runs that were lost."""
        return max(0, len(self._turn.said) - 1)

    async def first(self) -> Completion:
        """The answer to the prompt, or the one that a lost run was about to give."""
        given = self._turn.finished()
        if given is not None:
            return given
        return await self._turn.say(None if self._turn.said else self._asked, self._before)

    async def mend(self, remedy: str) -> Completion:
        """The next answer."""
        return await self._turn.say(remedy, self._before)


def _fill(folder: Path, lost: Sequence[str], inputs: list[tuple[str, Path]]) -> None:
    """Makes the workspace: the one that a lost run of this machine has left, else a fresh one."""
    for name in reversed(lost):
        with suppress(FileNotFoundError):
            folder.with_name(name).rename(folder)
            return
    workspace.prepare(folder.parent, folder.name, inputs)
