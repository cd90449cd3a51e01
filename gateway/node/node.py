"""What a job on this node can use: the database, the sandbox, the models, the artifact store."""

import asyncio
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, TypeVar

import sqlalchemy.exc
import structlog

from gateway import registry
from gateway.adapters.sandboxes.base import Sandbox, SandboxUnavailable
from gateway.adapters.sandboxes.registry import choose
from gateway.core.clock import new_id, now
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import Database
from gateway.core.driver.fixed_queries import FixedQuery
from gateway.core.driver.statements import circle
from gateway.core.errors import MissingPart
from gateway.core.identity import SYSTEM_USER_ID, Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work, unit_of_work
from gateway.features.artifacts.store import Store
from gateway.features.processes.host import Host
from gateway.features.runs import service_background as background
from gateway.features.settings import live as settings

from . import machine
from .at_work import AtWork
from .models import Models
from .together import Act, Together

log = structlog.get_logger("gateway.node")
R = TypeVar("R")

PATIENCE_S = 120.0
"""How long a job waits for a database that restarts."""

PASSING = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)


class Node:
    """One node process. `id` is set once the node has joined; `holder` is this process alone, whatever its name."""

    LOST_AFTER_S: ClassVar[float] = background.LOST_AFTER_S
    """A node not heard of for this long is lost: with the pace of take-over, that stays below 15 s."""

    def __init__(self, config: Config, database: Database, name: str) -> None:
        self.config = config
        self.database = database
        self.name = name
        self.id = uuid.UUID(int=0)
        self.holder = new_id()
        self.data_dir = DataDir(config.data_dir)
        self.store = _store(config, self.data_dir)
        self.keys = KeyStore(self.data_dir.keys, config.master_key)
        self.models = Models(config, self.unit, self.keys)
        settings.start(database.engine, config)
        self.actor = Actor(SYSTEM_USER_ID, f"node:{name}", frozenset({"owner"}), via="node")
        self.purges = registry.purges()
        self.hosts: dict[uuid.UUID, Host] = {}
        """Where background processes may run: the runs with a workspace here."""
        self.at_work = AtWork()
        self.stopping = False
        self._threads = ThreadPoolExecutor(config.node_concurrency + 4, thread_name_prefix="unit")
        self._together: dict[Act, Together] = {}
        self._left_queue: set[int] = set()
        self._sandbox: Sandbox | SandboxUnavailable | None = None
        self._reporting = asyncio.Lock()

    def rename(self, name: str) -> None:
        """Gives the node another name, before it has joined."""
        self.name = name
        self.actor = replace(self.actor, handle=f"node:{name}")

    async def unit(self, act: Callable[[Work], R], actor: Actor | None = None) -> R:
        """Runs `act` in a unit of work of its own, on a thread; a database that restarts is waited for.

        It is the node's own work where no `actor` is named.
        """
        return await self._patiently(self._unit, act, actor or self.actor)

    async def finds(self, look: FixedQuery) -> bool:
        """Whether there is anything to do, by a query for `is_there` at a `moment`: a fraction of a unit of work."""
        rows = await self._patiently(partial(look.rows_alone, self.database.engine, moment=now()))
        return bool(rows[0].is_there)

    async def _patiently(self, act: Callable[..., R], *given: Any) -> R:
        deadline = time.monotonic() + PATIENCE_S
        pause = 0.1
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, act, *given)
            except PASSING as error:
                if self.stopping or time.monotonic() > deadline:
                    raise
                log.warning(
                    "the database does not answer; trying again", error=type(error.orig).__name__, **circle(error)
                )
            await asyncio.sleep(pause)
            pause = min(2.0, pause * 2)

    async def together(self, act: Act, wish: Any) -> Any:
        """Has `act` do what is wished in one unit of work with whatever else is wished of it at the time.

        Raises what `act` answers, where that is an exception.
        """
        if act not in self._together:
            self._together[act] = Together(self.unit, act)
        return await self._together[act].wish(wish)

    def _unit(self, act: Callable[[Work], R], actor: Actor) -> R:
        with unit_of_work(self.database.sessions, actor) as work:
            return act(work)

    async def sandbox(self) -> Sandbox:
        """The sandbox of this machine. Raises SandboxUnavailable: there is no work without one."""
        if self._sandbox is None:
            try:
                self._sandbox = await choose()
            except SandboxUnavailable as error:
                self._sandbox = error
        if isinstance(self._sandbox, SandboxUnavailable):
            raise self._sandbox
        return self._sandbox

    def has_left_queue(self, job_id: int | None) -> None:
        """A run's place in the queue went with the run's end."""
        if job_id is not None:
            self._left_queue.add(job_id)

    def is_in_queue(self, job_id: int) -> bool:
        """Whether a job that is done here has to be taken out of the queue; to be asked once."""
        is_out = job_id in self._left_queue
        self._left_queue.discard(job_id)
        return not is_out

    async def capabilities(self) -> dict[str, Any]:
        """What this node can do, for its row."""
        try:
            sandbox = {"kind": (await self.sandbox()).kind, "ok": True, "reason": None, "remedy": None}
        except SandboxUnavailable as error:
            sandbox = {"kind": None, "ok": False, "reason": error.reason, "remedy": error.remedy}
        return {
            **machine.report(),
            "sandbox": sandbox,
            "sandbox_kinds": [sandbox["kind"]] if sandbox["ok"] else [],
            "files_carried": self.store.is_copy,
            "models": self.models.listed(),
            "local_models": self.models.local(),
            "found_providers": self.models.found(),
        }

    async def report(self, write: Callable[[Work, dict[str, Any]], R]) -> R:
        """Has `write` record what this node can do now; one after another, lest an older look overwrite a newer one."""
        async with self._reporting:
            capabilities = await self.capabilities()
            return await self.unit(lambda work: write(work, capabilities))

    async def look_anew(self) -> None:
        """Finds out again what this node can do; what runs goes on as it is."""
        self._sandbox = None
        await self.models.refresh()

    def load(self) -> dict[str, Any]:
        """How loaded this machine is, for the node's row."""
        return machine.load(self.data_dir.path)

    async def close(self) -> None:
        """Gives everything back."""
        await self.models.close()
        self.store.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.database.dispose()


def _store(config: Config, data_dir: DataDir) -> Store:
    """The gateway's own directory of files, or copies that it carries."""
    if config.join is None:
        return Store(data_dir.artifacts)
    if config.join_token is None:
        raise MissingPart("A node that joins by --join needs the gateway's token in GATEWAY_JOIN_TOKEN.")
    from gateway.features.artifacts.remote_store import RemoteStore  # loads an HTTP client

    store = RemoteStore(data_dir.artifacts, config.join, config.join_token.get_secret_value())
    store.check()
    return store
