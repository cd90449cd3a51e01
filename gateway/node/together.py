"""One unit of work for what several runs want of the same function at the same time: one commit for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import structlog

from gateway.core.unit_of_work import Work

log = structlog.get_logger("gateway.node")

MOST = 32
"""Wishes in one unit of work, so that none waits long for the others."""

Act = Callable[[Work, Sequence[Any]], Sequence[Any]]
"""Gets wishes and says of each, in their order, what came of it: an exception is raised for who wished it alone."""


class Unit(Protocol):
    """Runs a function in a unit of work of its own."""

    def __call__(self, act: Callable[[Work], Any]) -> Awaitable[Any]:
        """What `act` returns."""


class Together:
    """Gathers wishes for one function. The first goes at once; those that come meanwhile go together after it."""

    def __init__(self, unit: Unit, act: Act) -> None:
        self._unit = unit
        self._act = act
        self._waiting: list[tuple[Any, asyncio.Future[Any]]] = []
        self._granting: asyncio.Task[None] | None = None

    async def wish(self, wish: Any) -> Any:
        """What came of the wish, once it is committed. Who is canceled meanwhile does not know whether it was."""
        granted = asyncio.get_running_loop().create_future()
        self._waiting.append((wish, granted))
        if self._granting is None:
            self._granting = asyncio.create_task(self._grant())
        return await granted

    async def _grant(self) -> None:
        several: list[tuple[Any, asyncio.Future[Any]]] = []
        try:
            while self._waiting:
                several, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._grant_all(several)
        finally:
            self._granting = None
            for _, granted in (
                *several,
                *self._waiting,
            ):  # none but where this was canceled: nobody is to wait for ever
                granted.cancel()
            self._waiting = []

    async def _grant_all(self, several: Sequence[tuple[Any, "asyncio.Future[Any]"]]) -> None:
        try:
            outcomes = await self._unit(lambda work: self._act(work, [wish for wish, _ in several]))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised for who wished it
            if len(several) > 1:
                log.warning("a unit of work for several runs failed; each gets one of its own", error=repr(error))
                for one in several:
                    await self._grant_all([one])
                return
            outcomes = [error]
        for (_, granted), outcome in zip(several, outcomes, strict=True):
            if granted.done():  # who wished it was canceled
                continue
            if isinstance(outcome, BaseException):
                granted.set_exception(outcome)
            else:
                granted.set_result(outcome)
