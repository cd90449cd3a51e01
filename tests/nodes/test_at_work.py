"""What a node carries out it carries out once, whatever the queue does."""

import asyncio
import uuid

from gateway.node.at_work import AtWork


def test_a_run_that_is_given_out_twice_is_carried_out_by_one_after_the_other() -> None:
    at_work, run_id, other, seen = AtWork(), uuid.uuid4(), uuid.uuid4(), list[str]()

    async def carry_out(name: str, wanted: uuid.UUID) -> None:
        async with at_work.on(wanted):
            seen.append(f"{name} begins")
            await asyncio.sleep(0.01)
            seen.append(f"{name} ends")

    async def all_at_once() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(carry_out("first", run_id))
            group.create_task(carry_out("second", run_id))
            group.create_task(carry_out("other", other))

    asyncio.run(all_at_once())
    assert seen.index("first ends") < seen.index("second begins")
    assert seen.index("other begins") < seen.index("first ends")
    assert not at_work


def test_who_waits_for_a_run_that_is_dropped_has_its_turn() -> None:
    at_work, run_id = AtWork(), uuid.uuid4()

    async def carry_out(seconds: float) -> str:
        async with at_work.on(run_id):
            await asyncio.sleep(seconds)
            return "ended"

    async def dropped() -> list[object]:
        both = [asyncio.create_task(carry_out(60)), asyncio.create_task(carry_out(0))]
        await asyncio.sleep(0)
        at_work.drop({run_id})
        return await asyncio.gather(*both, return_exceptions=True)

    lost, after = asyncio.run(dropped())
    assert isinstance(lost, asyncio.CancelledError)
    assert after == "ended"
