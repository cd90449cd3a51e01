"""The node's process: joins, works, keeps its heartbeat, takes over what dead nodes left, leaves."""

import asyncio
import gc
import os
import platform
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from threading import Thread, Timer
from typing import Any

import procrastinate
import psutil
import psycopg
import structlog
from procrastinate.exceptions import ConnectorException
from psycopg_pool import AsyncConnectionPool

from gateway import registry
from gateway.core import logs
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import Database, check_server, hung_up, libpq_url
from gateway.core.driver.fixed_queries import FixedQuery
from gateway.core.errors import AlreadyRunning, MissingPart
from gateway.core.postgres.embedded import PATIENCE_S, EmbeddedPostgres
from gateway.core.unit_of_work import Work
from gateway.features.nodes import service_presence as presence

from .kept_name import KeptName, Named
from .left_behind import LOOK_S as LEFT_BEHIND_S
from .left_behind import LeftBehind
from .news import LEAST_PAUSE_S, News, told
from .node import Node
from .placing import Placing, SuitableJobs
from .pulse import Pulse

log = structlog.get_logger("gateway.node")

HEARTBEAT_S = 2.0
LOOK_S = 1.0
"""How often the node reads its orders and what waits for nodes like it, where no event tells it to."""

LOOK_PAUSE_S = 0.5
"""How long it does not look again, whatever happens."""

LAST_RESORT_S = 5.0
"""How long after it was told to stop the process may still be there."""

GRACE_S = 1.0
"""How long running jobs may go on after the node was told to stop."""

STOP_S = 3.0
"""How long the worker may take to end them and give their runs back; what is left is taken over by others."""

POOL_PATIENCE_S = 5.0


def start(config: Config, *, name: str | None, labels: dict[str, str], beside: bool) -> None:
    """Finds the database and runs the node until SIGTERM or Ctrl-C; `beside` a gateway, until that is gone.

    Raises MissingPart, AlreadyRunning.
    """
    data_dir = DataDir(config.data_dir)
    data_dir.prepare()
    logs.configure(data_dir.logs, config.log_level, "node")
    url = config.database_url or EmbeddedPostgres.url_of_running(data_dir, PATIENCE_S)
    if url is None and config.join is not None:
        raise MissingPart(
            "A node that joins needs --database-url besides: a PostgreSQL server that it and the gateway reach by TLS."
            " The embedded one is for nodes on the gateway's machine."
        )
    if url is None:
        raise MissingPart(
            "No gateway runs on this data directory; start one, or give the node --database-url or another --data-dir."
        )
    database = Database(url, pool_size=16, max_overflow=0)
    if not beside:  # the gateway beside has checked; should the database just be restarting, that is waited for
        check_server(database.engine)
    node = Node(config, database, name or platform.node() or "node")
    asyncio.run(_run(node, url, labels, is_named=name is not None, beside=beside))


async def _run(node: Node, url: str, labels: dict[str, str], *, is_named: bool, beside: bool) -> None:
    registry.load_tables()
    stop = _stop_signal(beside)
    last_resort = asyncio.create_task(_end_for_sure(stop))
    keepers: list[asyncio.Task[None]] = []
    try:
        await _settle_name(node, is_named, beside=beside)
        await node.models.begin()
        await _join(node, labels)
        placing = Placing(node, partial(_join, node, labels))
        pulse = Pulse(node, partial(_join, node, labels))
        news = News(url)
        keepers = [
            asyncio.create_task(news.follow()),
            asyncio.create_task(_every(HEARTBEAT_S, pulse.beat)),
            asyncio.create_task(_every(LOOK_S, placing.look, news, LOOK_PAUSE_S)),
            asyncio.create_task(_every(LEFT_BEHIND_S, LeftBehind(node).look)),
            *(asyncio.create_task(_every(seconds, duty)) for duty, seconds in _duties("DUTIES", node)),
            *(asyncio.create_task(_every(seconds, duty, news)) for duty, seconds in _duties("ON_NEWS", node)),
        ]
        gc.freeze()  # what is there now stays: no job is to wait while all of it is looked through for garbage
        worker = asyncio.create_task(_work(node, url, placing))
        await asyncio.wait([worker, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        if worker.done():
            worker.result()  # it ends by itself only by an error, which is to be seen
        node.stopping = True
        worker.cancel()
        if (await asyncio.wait([worker], timeout=STOP_S))[1]:
            log.warning("the queue's worker does not end in order; its database may be gone")
        with suppress(Exception):
            await asyncio.wait_for(node.unit(lambda work: presence.leave(work, node.id)), 2)
    finally:
        for keeper in (last_resort, *keepers):
            keeper.cancel()
        await node.close()


async def _end_for_sure(stop: asyncio.Event) -> None:
    """Ends a process that was told to stop and does not: whatever waits for a lost database may wait for ever.

    A thread counts, not the loop, which itself waits for all its tasks. Sandboxes die with their node.
    """
    await stop.wait()
    timer = Timer(LAST_RESORT_S, os._exit, (0,))
    timer.daemon = True
    timer.start()


async def _join(node: Node, labels: dict[str, str]) -> None:
    def join(work: Work, capabilities: dict[str, Any]) -> Any:
        return presence.join(
            work, node.name, host=platform.node(), pid=os.getpid(), concurrency=node.config.node_concurrency,
            labels=labels, capabilities=capabilities,
        ).id  # fmt: skip

    node.id = await node.report(join)
    log.info("joined", node=node.name, id=str(node.id))


async def _settle_name(node: Node, is_named: bool, *, beside: bool) -> None:
    """Finds the node a name that no other works under. Raises AlreadyRunning for one that was asked for.

    One that was killed counts as working until its heartbeat is missed; on this machine we can see that it is gone.
    The node beside a gateway keeps its name, and takes it from its predecessor though that may be about to end: other
    gateways on the same database have nodes of their own.
    """
    wanted, kept = node.name, KeptName(node.data_dir) if beside else None
    before = kept.read() if kept is not None else None
    if before is not None:
        node.rename(before.name)
    for number in count(2):
        holder = await node.unit(lambda work: presence.at_work(work, node.name))
        if holder is None or (holder[0] == platform.node() and _has_left(holder[1], before)):
            break
        if is_named:
            raise AlreadyRunning(f"A node named {wanted} works on {holder[0]} already; give this one another --name.")
        node.rename(f"{wanted}-{number}")
    if kept is not None:
        kept.write(Named(node.name, os.getpid()))


def _has_left(pid: int, before: Named | None) -> bool:
    return not psutil.pid_exists(pid) or (before is not None and before.pid == pid)


async def _work(node: Node, url: str, placing: Placing) -> None:
    """Runs the queue's worker, again and again where the database went away under it."""
    while not node.stopping:
        connector = procrastinate.PsycopgConnector(
            conninfo=libpq_url(url), min_size=1, max_size=6, timeout=POOL_PATIENCE_S, pool_factory=_pool,
            configure=_commit_each_statement,
        )  # fmt: skip
        app = procrastinate.App(connector=connector)
        app.job_manager = SuitableJobs(app.job_manager, placing, node)
        for door in registry.doors("jobs"):
            for name, handler in door.HANDLERS.items():
                app.task(name=name)(_bound(handler, node))
        try:
            async with app.open_async():
                await app.run_worker_async(
                    name=node.name, concurrency=node.config.node_concurrency, fetch_job_polling_interval=0.5,
                    abort_job_polling_interval=1.0, listen_notify=True, delete_jobs="always",
                    update_heartbeat_interval=HEARTBEAT_S, stalled_worker_timeout=node.LOST_AFTER_S,
                    shutdown_graceful_timeout=GRACE_S, install_signal_handlers=False,
                )  # fmt: skip
        except (ConnectorException, psycopg.Error, OSError) as error:
            log.warning("the queue's worker lost the database", error=type(error).__name__)
        except Exception:
            log.exception("the queue's worker failed; another takes its place")
        await asyncio.sleep(0.5)


def _pool(**options: Any) -> AsyncConnectionPool:
    """The queue's connections, whose check before each use costs no round trip."""
    return AsyncConnectionPool(**{**options, "check": _check})


async def _check(connection: psycopg.AsyncConnection) -> None:
    if connection.closed or hung_up(connection):
        raise psycopg.OperationalError("the server closed the connection")


async def _commit_each_statement(connection: psycopg.AsyncConnection) -> None:
    """The queue asks one thing at a time: what begins and ends a transaction would be two more round trips."""
    await connection.set_autocommit(True)


def _bound(handler: Callable[..., Awaitable[None]], node: Node) -> Callable[..., Awaitable[None]]:
    async def handle(**args: Any) -> None:
        await handler(node, **args)

    return handle


def _duties(kind: str, node: Node) -> Iterator[tuple[Callable[[], Awaitable[None]], float]]:
    """What every room wants done regularly, and how often in seconds, at least where it is also done `ON_NEWS`.

    What has a query in `LOOKS` is done only where that finds something.
    """
    for door in registry.doors("jobs"):
        looks: dict[Any, FixedQuery] = getattr(door, "LOOKS", {})
        for duty, seconds in getattr(door, kind, {}).items():
            yield partial(_where_found, node, looks[duty], duty) if duty in looks else partial(duty, node), seconds


async def _where_found(node: Node, look: FixedQuery, duty: Callable[[Node], Awaitable[None]]) -> None:
    if await node.finds(look):
        await duty(node)


async def _every(
    seconds: float, act: Callable[[], Awaitable[Any]], news: News | None = None, least_s: float = LEAST_PAUSE_S
) -> None:
    while True:
        coming = news.next if news is not None else None
        try:
            await act()
        except Exception:
            log.exception("a regular duty failed; it is tried again")
        await (asyncio.sleep(seconds) if coming is None else told(coming, seconds, least_s))


def _stop_signal(beside: bool) -> asyncio.Event:
    """Set by SIGTERM, by Ctrl-C, and when the gateway's end of our standard input closes."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":
        signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(stop.set))
    else:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
    if beside:
        # A thread of its own, which ends with the process: the loop would wait for one of its executor's.
        Thread(target=_wait_for_end_of_input, args=(loop, stop), daemon=True).start()
    return stop


def _wait_for_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    with suppress(RuntimeError):  # the loop has ended first
        loop.call_soon_threadsafe(stop.set)
