"""One window for each data directory: a second start hands over what it should show, and is done."""

import json
import time
from collections.abc import Callable
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from pathlib import Path
from secrets import token_hex
from threading import Thread

from filelock import FileLock, Timeout

from ui.on_qt import NoWindow

PATIENCE_S = 10.0
"""How long a second start waits for the first, which may still be opening its window, or ending."""
SHOWN, CLOSING = b"shown", b"closing"


class Instance:
    """Holds the window's place from `hold` to `release`, however the process ends."""

    def __init__(self, storage: Path) -> None:
        self._storage = storage
        self._lock = FileLock(storage / "window.lock")
        self._address_file = storage / "window.json"

    def hold(self) -> bool:
        """Takes the place; False when another process has it. Raises NoWindow where nothing can be written."""
        try:
            self._storage.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._storage.mkdir(mode=0o700, exist_ok=True)
            self._lock.acquire(timeout=0)
            self._address_file.unlink(missing_ok=True)
        except Timeout:
            return False
        except OSError as error:
            raise NoWindow(f"{error.filename} cannot be used ({error.strerror}).") from error
        return True

    def listen(self, asked: Callable[[str | None], bool]) -> None:
        """Calls back, in a thread of its own, with the path that another start wants shown, or None.

        The answer says whether it is shown: a window that closes shows nothing more, and the other start waits.
        """
        key = token_hex(32)
        # A socket in a directory of the user's alone, or a named pipe; the key lies where only the user reads.
        listener = Listener(None, authkey=bytes.fromhex(key))
        new = self._address_file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps({"address": listener.address, "key": key}), encoding="utf-8")
        new.replace(self._address_file)
        Thread(target=_answer, args=(listener, asked), daemon=True).start()

    def hand_over(self, path: str | None) -> bool:
        """Has the window that is open come forward and show `path`; False when there is none that answers.

        The place is then taken, if it was free: who starts next waits for the window that is to come.
        """
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                if self.hold():
                    return False
            except NoWindow:
                return False  # it is said once the gateway is there, which may have more to say of the directory
            try:
                told = json.loads(self._address_file.read_text("utf-8"))
                with Client(told["address"], authkey=bytes.fromhex(told["key"])) as there:
                    there.send_bytes(json.dumps({"path": path}).encode())
                    if there.recv_bytes(100) == SHOWN:
                        return True
            except (OSError, EOFError, ValueError, KeyError, AuthenticationError):
                pass
            time.sleep(0.1)
        return False

    def release(self) -> None:
        """Gives the place up."""
        self._lock.release(force=True)


def _answer(listener: Listener, asked: Callable[[str | None], bool]) -> None:
    while True:
        try:
            with listener.accept() as there:
                path = json.loads(there.recv_bytes(10_000))["path"]
                shown = asked(path if isinstance(path, str) and path.startswith("/") else None)
                there.send_bytes(SHOWN if shown else CLOSING)
        except (OSError, EOFError, ValueError, KeyError, TypeError, AuthenticationError):
            continue
