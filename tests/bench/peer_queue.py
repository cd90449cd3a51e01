"""The peer of the queue: Procrastinate alone, with one worker and a job that does nothing.

`python peer_queue.py URL MODE COUNT CONCURRENCY` prints one JSON object. MODE `throughput`: jobs per second of COUNT
queued beforehand; `start`: milliseconds from enqueueing to the job's first instruction, one job at a time.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress

import procrastinate

PAUSE_S = 0.03


async def measure(url: str, mode: str, count: int, concurrency: int) -> dict[str, list[float] | float]:
    """Runs a worker in this process and gives it the jobs."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, min_size=1, max_size=6))
    ran: list[float] = []
    latencies: list[float] = []
    started = asyncio.Event()

    @app.task(name="noop")
    async def noop() -> None:
        ran.append(time.time())
        if len(ran) == count or mode == "start":
            started.set()

    async with app.open_async():
        if mode == "throughput":
            await app.tasks["noop"].batch_defer_async(*({} for _ in range(count)))
        worker = asyncio.create_task(
            app.run_worker_async(concurrency=concurrency, delete_jobs="always", install_signal_handlers=False)
        )
        if mode == "throughput":
            await started.wait()
        else:
            await asyncio.sleep(1)
            for _ in range(count):
                started.clear()
                before = time.time()
                await noop.defer_async()
                await started.wait()
                latencies.append(1000 * (ran[-1] - before))
                await asyncio.sleep(PAUSE_S)
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker
    return {"rate": (len(ran) - 1) / (ran[-1] - ran[0]), "latencies_ms": latencies}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))))
