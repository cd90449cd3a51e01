"""A model call of a node held to the spend limits: reserved before it, settled however it ends."""

import asyncio
import math
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from gateway.adapters.providers.completion import Completion
from gateway.core.unit_of_work import Work
from gateway.features.limits import service_spending as spending
from gateway.features.limits.service_spending import LETTERS_A_TOKEN, Call, Reservation

from .service_execution import Plan

if TYPE_CHECKING:
    from gateway.node.node import Node

GRACE_S = 60.0
"""How long what a call may spend stays reserved after the task's time, for it to be settled."""


def call_of(node: "Node", plan: Plan, prompt: str) -> Call:
    """A call of the plan's model for whom the task belongs to; `prompt` is all that it sends."""
    return Call(
        plan.model, prompt, plan.owner_id, plan.token_id, plan.run_id, lasts_s=plan.timeout_s + GRACE_S,
        listed=node.models.price(plan.model),
    )  # fmt: skip


class Metered:
    """Around one call. Entering raises SpendLimitReached; leaving counts what was used, or was held where unknown."""

    def __init__(self, node: "Node", call: Call) -> None:
        self._node = node
        self._call = call
        self._reservation: Reservation | None = None
        self._completion: Completion | None = None
        self._has_begun = False

    async def __aenter__(self) -> "Metered":
        self._reservation = await self._node.unit(lambda work: spending.reserve(work, self._call))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reservation is not None:
            # A canceled call was spent all the same: its end is recorded before the cancellation goes on.
            await asyncio.shield(self._node.unit(self._settle))

    def heard(self, on_text: Callable[[str], None]) -> Callable[[str], None]:
        """Passes text on, and notes that the model has begun to answer."""

        def hear(text: str) -> None:
            self._has_begun = True
            on_text(text)

        return hear

    def answered(self, completion: Completion) -> None:
        """The whole answer, with what the provider says that it used."""
        self._completion = completion

    def _settle(self, work: Work) -> None:
        reservation, done = self._reservation, self._completion
        assert reservation is not None
        if done is not None and done.usage is not None:
            spending.settle(work, reservation, done.usage.prompt_tokens, done.usage.completion_tokens)
        elif done is not None:
            written = math.ceil(len(done.text) / LETTERS_A_TOKEN)
            spending.settle(work, reservation, self._call.prompt_tokens, written)
        elif self._has_begun:
            spending.keep(work, reservation)
        else:
            spending.release(work, reservation)
