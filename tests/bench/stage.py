"""What the benchmarks run on: a gateway as a user starts it, and its peers, each made when first needed."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import procrastinate
import psycopg

from gateway.core.data_dir import DataDir
from gateway.core.database import libpq_url
from gateway.core.postgres.embedded import EmbeddedPostgres
from tests.conftest import PROJECT, LiveGateway

BENCH = Path(__file__).resolve().parent


class Stage:
    """Everything under one folder of the project's disk; `close` ends the processes and removes the folder."""

    def __init__(self) -> None:
        self.folder = PROJECT / ".cache" / "bench"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._stack = ExitStack()

    @cached_property
    def gateway(self) -> LiveGateway:
        """The gateway that most rows share."""
        gateway = self._stack.enter_context(running(LiveGateway(self.folder / "shared")))
        gateway.sign_up().wait_ready()
        return gateway

    @cached_property
    def database_url(self) -> str:
        """The shared gateway's database, for loading rows straight into it."""
        return url_of(self.gateway)

    @cached_property
    def peer_url(self) -> str:
        """The bare Flask server."""
        (self.folder / "peer").mkdir()
        process = self._stack.enter_context(
            subprocess.Popen(
                [sys.executable, str(BENCH / "peer_http.py"), str(self.folder / "peer")],
                stdout=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
        self._stack.callback(process.kill)
        assert process.stdout is not None
        return f"http://127.0.0.1:{process.stdout.readline().strip()}"

    @cached_property
    def peer_database_url(self) -> str:
        """A second embedded server with the same settings that holds nothing but Procrastinate's tables."""
        data_dir = DataDir(self.folder / "queue")
        data_dir.prepare()
        self._stack.enter_context(data_dir.lock())
        server = EmbeddedPostgres(data_dir)
        url = libpq_url(server.start())
        self._stack.callback(server.stop)
        with procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=url)).open() as app:
            app.schema_manager.apply_schema()
        return url

    def procrastinate_alone(self, mode: str, count: int, concurrency: int) -> dict[str, Any]:
        """One run of peer_queue.py."""
        done = subprocess.run(
            [sys.executable, str(BENCH / "peer_queue.py"), self.peer_database_url, mode, str(count), str(concurrency)],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    def close(self) -> None:
        """Ends what was started."""
        self._stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def running(gateway: LiveGateway) -> Iterator[LiveGateway]:
    """The gateway, started, and stopped at the end."""
    try:
        yield gateway.start()
    finally:
        gateway.close()


def url_of(gateway: LiveGateway) -> str:
    """The URL of a running gateway's embedded database."""
    url = EmbeddedPostgres.url_of_running(DataDir(gateway.data_dir))
    assert url is not None
    return libpq_url(url)


def query(url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of one statement."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement, values).fetchall()  # type: ignore[arg-type]
