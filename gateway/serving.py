"""The gateway's process: lock, database, node, HTTP server, and their end in the reverse order.

Call `gevent.monkey.patch_all()` before importing this module: every wait in this process is cooperative.
"""

import errno
import faulthandler
import gc
import ipaddress
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import gevent
import gevent.event
import gevent.os
import gevent.util
import structlog
from flask import Flask
from gevent.pywsgi import WSGIHandler, WSGIServer
from werkzeug.wsgi import FileWrapper

from gateway import ROOT, registry
from gateway.application import create_app
from gateway.commands.database import prepare
from gateway.commands.migration import migrating
from gateway.core import logs
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import Database, check_server
from gateway.core.errors import AlreadyRunning, MissingPart
from gateway.core.http.answers import CLIENT
from gateway.core.http.problems import unread
from gateway.core.identity import SYSTEM
from gateway.core.postgres.embedded import EmbeddedPostgres
from gateway.core.postgres.migrating import is_migrated
from gateway.core.secrets import crypto
from gateway.core.unit_of_work import unit_of_work
from gateway.features.audit import service as audit
from gateway.features.schedules.clock import Clock
from gateway.node.process import NodeProcess

log = structlog.get_logger("gateway.serving")

WAIT_S = 1.0
"""How often a gateway that waits its turn looks whether the data directory is free."""

STOP_S = 2.0
"""How long open requests may go on after the gateway was told to stop."""

STOPPED_AFTER_S = 8.5
"""How long stopping may take, all in all: docs/operations.md gives it 10 s, whatever hangs."""

STOP_TOLD_S = 6.0
"""How long stopping may take before the log says what is waited for, which takes a busy machine a second or more."""

CHECKPOINT_S = 60.0
"""How often the audit chain is signed."""

LAST_CHECKPOINT_S = 1.0
"""How long the last signature may take: the database may be gone."""

DESCRIBED_AFTER_S = 30.0
"""When the rooms describe themselves, each at a time, so that whoever asks for the OpenAPI document need not wait."""

STAY = b"stay"
"""What the process beside writes where the gateway is to go on without it."""

STALLED_S = 30.0
"""A client that takes nothing of an answer for so long is dropped: a stream would wait for it for ever."""

FILE_PIECE = 64 * 1024
"""Bytes of a file that are read and sent at a time."""

LINGER_S = 1.0
"""How long what a client still sends is read once it was told that its request is none."""

_BY_IPV4 = "::ffff:"
"""How the system writes IPv4 addresses on a socket for both (RFC 4291, 2.5.5.2)."""

_UNREAD = {"400": "Not an HTTP request", "414": "Address too long"}
"""What gevent refuses before there is a request, by its status."""


class _Handler(WSGIHandler):  # type: ignore[misc]
    """One connection. Without TCP_NODELAY each small answer waits for the peer's delayed acknowledgement."""

    _held: bytearray | None = None
    """What is to be sent together, while it is gathered."""

    def __init__(self, sock: Any, address: Any, server: Any, rfile: Any = None) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock, address, server, rfile)

    def get_environ(self) -> dict[str, Any]:
        """What the application is told; among it the connection itself, which tells when the client has gone."""
        environ = super().get_environ()
        # Who calls by IPv4 where `::` is listened on is told as who they are: rules name addresses as people know them.
        own = {"REMOTE_ADDR": environ["REMOTE_ADDR"].removeprefix(_BY_IPV4)}
        return {**environ, **own, CLIENT: self.socket, "wsgi.file_wrapper": _in_large_pieces}

    def handle_one_request(self) -> Any:
        """As gevent's, but what it refuses by itself is told like every other error, and so that it is heard."""
        result = super().handle_one_request()
        if not isinstance(result, tuple):
            return result
        status, answer = result
        self._refuse(unread(int(status), _UNREAD[status]) if status in _UNREAD else answer)
        return None

    def _refuse(self, answer: bytes) -> None:
        """Sends the last answer, and reads on: who still writes when we close may never see it (RFC 9112, 9.6)."""
        with suppress(OSError), gevent.Timeout(LINGER_S, False):
            self.socket.sendall(answer)
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(FILE_PIECE):
                pass

    def log_request(self) -> None:
        """Requests are logged by the application, which knows the caller."""

    def _write_with_headers(self, data: bytes) -> None:
        """The head and the first of the body in one message: each wakes the client, however short it is."""
        self._held = bytearray()
        super()._write_with_headers(data)
        held, self._held = self._held, None
        self._sendall(held)

    def _sendall(self, data: bytes | bytearray) -> None:
        if self._held is not None:
            self._held += data
            return
        with gevent.Timeout(STALLED_S, BrokenPipeError(errno.EPIPE, "the reader stalled")):
            super()._sendall(data)


def _in_large_pieces(file: BinaryIO, _size: int) -> FileWrapper:
    """A file to be sent (PEP 3333, "Optional Platform-Specific File Handling"): the usual 8 kB cost a call each."""
    return FileWrapper(file, FILE_PIECE)


def serve(
    config: Config, *, app_file: Path, add_pages: Callable[[Flask], None], beside: bool = False, wait: bool = False
) -> None:
    """Runs the gateway until SIGTERM or Ctrl-C; `beside` another process, until its standard input ends too.

    Prints one line when it is ready; ends the process. Raises AlreadyRunning, unless it is to `wait` its turn, and
    MissingPart.
    """
    faulthandler.enable(file=2)  # a part written in C that breaks says where
    data_dir = DataDir(config.data_dir)
    data_dir.prepare()
    with ExitStack() as stack:
        _hold(data_dir, stack, wait)
        logs.configure(data_dir.logs, config.log_level, "gateway")  # not before: they are the other's until then
        listener = stack.enter_context(_listen(config))
        url = stack.enter_context(_database(config, data_dir))
        _prepare(config, url, app_file)
        if config.node:
            stack.enter_context(_node(config, app_file))
        launch_key = crypto.new_secret()
        app = create_app(config, url, launch_key=launch_key)
        add_pages(app)
        stack.enter_context(_audit_checkpoints(app))
        app.extensions["fanout"].start()
        stack.callback(app.extensions["fanout"].stop)
        clock = Clock(app.extensions["gateway_sessions"], app.extensions["fanout"])
        clock.start()
        stack.callback(clock.stop)
        address = f"http://{_shown(config.host)}:{listener.getsockname()[1]}"
        server = WSGIServer(listener, app, handler_class=_Handler, log=None, error_log=_ErrorLog())
        data_dir.publish({"role": "gateway", "url": address, "launch_key": launch_key})
        document = app.extensions["api_document"]
        gevent.spawn_later(DESCRIBED_AFTER_S, document.prepare, [room.describe for room in app.rooms])
        _run(server, f"gateway ready at {address}", beside, data_dir, app.extensions["fanout"].watch.leave)
    _leave()


def _leave() -> None:
    """Ends the process, in which all that is ours has been closed, without the interpreter's own end.

    That stops threads of gevent's pool wherever they are: their frames are taken down beside the main thread, without
    the interpreter's lock, and now and then the process died of it (SIGSEGV) after all was done.
    """
    logging.shutdown()
    for output in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError, ValueError):  # whoever read it may be gone
            output.flush()
    os._exit(0)


def _hold(data_dir: DataDir, stack: ExitStack, wait: bool) -> None:
    """Takes the directory's lock; one that is to `wait` says once who has it, and looks again until it is free."""
    told = False
    while True:
        try:
            stack.enter_context(data_dir.lock())
        except AlreadyRunning as error:
            if not wait:
                raise
            if not told:
                print(f"Waiting: {error}", file=sys.stderr, flush=True)
            told = True
            gevent.sleep(WAIT_S)
        else:
            return


def _prepare(config: Config, url: str, app_file: Path) -> None:
    """A first start, and that of another release, leave the migrating to a process that ends, which saves 8 MB."""
    database = Database(url, pool_size=1)
    try:
        check_server(database.engine)
        if not is_migrated(database.engine, ROOT / "migrations"):
            with migrating(config, url, app_file):
                registry.doors("api")  # meanwhile what is loaded next anyway
        prepare(database)
    finally:
        database.dispose()


def _run(server: WSGIServer, ready: str, beside: bool, data_dir: DataDir, leave: Callable[[], None]) -> None:
    """Serves until told to stop; then `leave` has open answers say so, which have STOP_S for it."""
    done = gevent.event.Event()
    if beside:
        gevent.spawn(_end_with_input, done)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, done.set)
    server.start()
    gc.freeze()  # what is there now stays: no request is to wait while all of it is looked through for garbage
    print(ready, flush=True)
    log.info(ready)
    done.wait()
    log.info("stopping")
    _end_for_sure()
    with suppress(MissingPart):
        data_dir.publish({"role": "gateway"})  # nobody is to join what answers no more
    leave()
    server.stop(timeout=STOP_S)


def _end_for_sure() -> None:
    """Ends a process that was told to stop and does not, and tells where it hangs; database and node end with it."""
    faulthandler.dump_traceback_later(STOPPED_AFTER_S, file=2, exit=True)
    gevent.spawn_later(STOP_TOLD_S, _tell_what_hangs)


def _tell_what_hangs() -> None:
    log.error("the gateway does not stop in order", waiting=gevent.util.format_run_info(thread_stacks=False))


def _end_with_input(done: gevent.event.Event) -> None:
    """Ends with the process at the other end of standard input, unless that says STAY before it goes."""
    while said := gevent.os.tp_read(0, 4096):
        if STAY in said:
            _let_go_of_outputs()
            return
    done.set()


def _let_go_of_outputs() -> None:
    """Nobody reads them any more: what is written there goes nowhere instead of failing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        os.dup2(nowhere, output)
    os.close(nowhere)


@contextmanager
def _listen(config: Config) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        listener.close()
        raise MissingPart(
            f"{config.host}:{config.port} cannot be used ({error.strerror}); choose another port with --port."
        ) from error
    listener.listen(1024)
    with listener:
        yield listener


@contextmanager
def _database(config: Config, data_dir: DataDir) -> Iterator[str]:
    """The database's URL; the embedded server is started, watched and stopped here."""
    if config.database_url is not None:
        yield config.database_url
        return
    server = EmbeddedPostgres(data_dir)
    url = server.start()
    watcher = gevent.spawn(_keep_alive, server)
    try:
        yield url
    finally:
        watcher.kill()
        server.stop(timeout_s=4)


def _keep_alive(server: EmbeddedPostgres) -> None:
    while True:
        gevent.sleep(0.5)
        try:
            if not server.alive():
                log.warning("the embedded database ended; starting it again")
                server.start()
        except Exception:
            log.exception("the embedded database does not start; trying again")
            gevent.sleep(2)


@contextmanager
def _node(config: Config, app_file: Path) -> Iterator[NodeProcess]:
    options = ["--data-dir", str(config.data_dir), "--concurrency", str(config.node_concurrency)]
    external = {"GATEWAY_DATABASE_URL": config.database_url} if config.database_url is not None else {}
    node = NodeProcess(app_file, options, external)
    node.start()
    watcher = gevent.spawn(node.watch)
    try:
        yield node
    finally:
        watcher.kill()
        node.stop(timeout_s=4)


@contextmanager
def _audit_checkpoints(app: Flask) -> Iterator[None]:
    """Signs the audit chain regularly, and once more at the end, when requests are over."""
    sessions, signer = app.extensions["gateway_sessions"], app.extensions["audit_signer"]

    def sign() -> None:
        try:
            with unit_of_work(sessions, SYSTEM) as work:
                audit.checkpoint(work, signer)
        except Exception:
            log.exception("the audit chain could not be signed; it is tried again")

    def sign_again_and_again() -> None:
        while True:
            gevent.sleep(CHECKPOINT_S)
            sign()

    clock = gevent.spawn(sign_again_and_again)
    try:
        yield
    finally:
        clock.kill()
        with gevent.Timeout(LAST_CHECKPOINT_S, False):
            sign()


def _shown(host: str) -> str:
    """The address a client on this machine uses; listening everywhere includes loopback."""
    if host in (str(ipaddress.IPv4Address(0)), str(ipaddress.IPv6Address(0))):
        return "[::1]" if ":" in host else "127.0.0.1"
    return f"[{host}]" if ":" in host else host


class _ErrorLog:
    """What the HTTP server itself has to say, as log lines."""

    def write(self, text: str) -> None:
        """Takes what pywsgi prints."""
        if text.strip():
            log.warning("http server", message=text.strip()[-2000:])

    def flush(self) -> None:
        """Nothing is held back."""
