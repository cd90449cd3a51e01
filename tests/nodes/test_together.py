"""What several runs want at once is done in one unit of work, and what one wants wrongly is its own concern."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from gateway.node.together import Together


class Units:
    """Counts units of work; each takes until the others have had their say."""

    def __init__(self) -> None:
        self.wishes: list[list[Any]] = []

    async def unit(self, act: Callable[[Any], Any]) -> Any:
        await asyncio.sleep(0)
        return act(None)

    def act(self, work: Any, wishes: Sequence[Any]) -> list[Any]:
        self.wishes.append(list(wishes))
        if "poison" in wishes:
            raise RuntimeError("poison")
        return [ValueError(wish) if wish == "bad" else f"{wish} done" for wish in wishes]


def test_the_first_goes_at_once_and_what_comes_meanwhile_goes_together() -> None:
    async def go() -> None:
        units = Units()
        together = Together(units.unit, units.act)
        first = asyncio.create_task(together.wish("a"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        rest = [asyncio.create_task(together.wish(wish)) for wish in ("b", "bad", "c")]
        assert await first == "a done"
        assert await rest[0] == "b done"
        with pytest.raises(ValueError, match="bad"):
            await rest[1]
        assert await rest[2] == "c done"
        assert units.wishes == [["a"], ["b", "bad", "c"]]

    asyncio.run(go())


def test_who_makes_a_unit_of_work_fail_fails_alone() -> None:
    async def go() -> None:
        units = Units()
        together = Together(units.unit, units.act)
        outcomes = await asyncio.gather(*(together.wish(wish) for wish in ("a", "poison", "b")), return_exceptions=True)
        assert [repr(outcome) for outcome in outcomes] == ["'a done'", "RuntimeError('poison')", "'b done'"]

    asyncio.run(go())


def test_who_is_canceled_does_not_hold_up_the_others() -> None:
    async def go() -> None:
        units = Units()
        together = Together(units.unit, units.act)
        gone, stays = (asyncio.create_task(together.wish(wish)) for wish in ("a", "b"))
        await asyncio.sleep(0)
        gone.cancel()
        assert await stays == "b done"
        assert await together.wish("c") == "c done"

    asyncio.run(go())


def test_nobody_waits_for_what_will_never_be_done() -> None:
    async def go() -> None:
        together = Together(lambda act: asyncio.Event().wait(), lambda work, wishes: [])
        waiting = [asyncio.create_task(together.wish(wish)) for wish in ("a", "b")]
        await asyncio.sleep(0)
        late = asyncio.create_task(together.wish("c"))
        await asyncio.sleep(0)
        assert together._granting is not None
        together._granting.cancel()
        outcomes = await asyncio.gather(*waiting, late, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 3

    asyncio.run(go())
