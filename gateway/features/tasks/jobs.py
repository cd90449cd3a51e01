"""What a node runs for this room: one run of a task, from claim to end; who does its work is the agents' room's."""

import asyncio
import uuid
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from gateway.adapters.providers.base import ProviderError
from gateway.adapters.sandboxes import workspace
from gateway.adapters.sandboxes.base import SandboxError
from gateway.adapters.sandboxes.supervision import uninterrupted
from gateway.features.limits.service_spending import SpendLimitReached
from gateway.features.runs import service_holding as holding
from gateway.features.runs.service_holding import Claim, Fenced, NotTaking

from . import service_execution as execution
from .run_log import RunLog
from .service_execution import End, JobReport, Plan, RunReport

if TYPE_CHECKING:
    from gateway.node.node import Node

log = structlog.get_logger("gateway.tasks")

UNTIL_ORDERS_ARE_KNOWN_S = 0.5
"""How long a slot rests that was handed a run against the node's orders, lest it be handed the same one again."""


async def run(node: "Node", run_id: str, kind: "type[Attempt]") -> None:
    """Carries out one run. Whatever happens ends in the records, or in a take-over by another node."""
    try:
        async with node.at_work.on(uuid.UUID(run_id)):
            await kind(node, uuid.UUID(run_id)).carry_out()
    except NotTaking:
        await node.unit(lambda work: execution.pass_on(work, uuid.UUID(run_id)))
        await asyncio.sleep(UNTIL_ORDERS_ARE_KNOWN_S)
    except Fenced:
        log.info("the run is no longer this node's; what it did is dropped", run_id=run_id)


class Attempt(ABC):
    """One run on this node; `position` is the job at work."""

    def __init__(self, node: "Node", run_id: uuid.UUID) -> None:
        self.node = node
        self.run_id = run_id
        self.log = RunLog(node, run_id)
        self.position = 0

    async def carry_out(self) -> None:
        """Claims the run, does its jobs, reports. Raises Fenced when the run is not ours (any more)."""
        claim = Claim(self.run_id, self.node.id, self.node.holder)
        plan: Plan = await self.node.together(execution.begin, claim)
        self.node.at_work.has_begun(self.run_id)
        flusher = asyncio.create_task(self.log.keep_flushing(_this_task()))
        try:
            await self._do(plan)
        except asyncio.CancelledError:
            if self.log.fenced:
                raise Fenced from None
            await uninterrupted(self.node.unit(lambda work: execution.give_back(work, self.run_id, self.node.holder)))
            raise
        finally:
            flusher.cancel()
            with suppress(asyncio.CancelledError):
                await flusher

    async def _do(self, plan: Plan) -> None:
        if plan.refusal is not None:
            await self.fail(*plan.refusal)
            return
        try:
            await self.work(plan)
        except (Fenced, OperationalError, InterfaceError):
            raise  # a database that is gone is no fault of the task: the run is put back
        except (SandboxError, ProviderError, SpendLimitReached) as error:
            await self.fail(getattr(error, "code", "sandbox_unavailable"), str(error))
        except TimeoutError:
            await self.fail("timed_out", f"It ran longer than its time limit of {plan.timeout_s:g} s.")
        except OSError as error:
            log.exception("a run failed on this node's files", run_id=str(self.run_id))
            await self.fail("node_error", f"The node could not carry it out: {error.strerror}. Look at its disk.")
        except Exception:
            log.exception("a run failed unexpectedly", run_id=str(self.run_id))
            await self.fail("internal_error", "The node failed on this run; its log has the run's id.")

    @abstractmethod
    async def work(self, plan: Plan) -> None:
        """Does what the plan says and reports its end. Raises what `carry_out` turns into the reason of a failure."""

    async def fail(self, code: str, message: str) -> None:
        """Ends the run as failed, for a reason that lies outside the task's own work."""
        error = {"code": code, "message": message}
        self.log.write(None, "system", message + "\n")
        await self.end(RunReport("failed", error=error), JobReport(self.position, "failed", error=error))

    async def next_job(self, done: JobReport) -> None:
        """Reports a job and starts the one after it."""
        async with self.log.taken() as lines:
            await self.node.unit(lambda work: execution.next_job(work, self.run_id, self.node.holder, done, lines))
        self.position += 1

    async def end(self, report: RunReport, last: JobReport) -> None:
        """Reports the last job and the run."""
        node = self.node
        node.at_work.is_ending(self.run_id)
        async with self.log.taken() as lines:
            end = End(self.run_id, node.holder, node.store, report, last, lines)
            node.has_left_queue(await node.together(execution.end, end))


def _this_task() -> "asyncio.Task[None]":
    task = asyncio.current_task()
    assert task is not None
    return task


async def take_over(node: "Node") -> None:
    """Puts back what dead nodes held."""
    if count := await node.unit(lambda work: execution.recover(work, node.LOST_AFTER_S)):
        log.info("took over lost runs", count=count)


async def agree_with_records(node: "Node") -> None:
    """Stops runs that were taken away, and puts back those that the records say are carried out here and are not."""
    begun = node.at_work.begun()
    held = await node.unit(lambda work: holding.held_by(work, node.holder))
    node.at_work.drop(begun & node.at_work.begun() - held)
    if left := held - node.at_work.all():
        log.warning("putting back runs that nobody carries out", count=len(left))
        await node.unit(lambda work: execution.reclaim(work, left))


async def remove_workspaces(node: "Node") -> None:
    """Deletes the workspaces that killed nodes left, and those that were kept for a run that will not come."""
    folders = {uuid.UUID(folder.name): folder for folder in await asyncio.to_thread(_folders, node.data_dir.work)}
    if not folders:
        return
    over = await node.unit(lambda work: holding.done_with(work, set(folders)))
    for run_id in over - node.at_work.all():
        await asyncio.to_thread(workspace.remove, folders[run_id])


def _folders(work: Path) -> list[Path]:
    return [folder for folder in work.iterdir() if _is_id(folder.name)]


def _is_id(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False


HANDLERS: dict[str, Any] = {}
DUTIES = {take_over: 2.0, agree_with_records: 2.0, remove_workspaces: 10.0}
