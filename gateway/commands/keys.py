"""Master keys from the command line: their state, their rotation, the emergency kit, recovery."""

import getpass
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from gateway.commands.database import as_system, prepared
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import Database
from gateway.core.identity import SYSTEM
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work, unit_of_work
from gateway.features.credentials import service_keys

PAUSE_S = 0.2
"""How long a rotation waits for rows that others hold."""

NO_KIT = "There is no emergency kit yet; `app.py key kit` prints one."

R = TypeVar("R")


def status(config: Config) -> Iterator[str]:
    """One line for each master key, one for the emergency kit."""
    with as_system(config) as work:
        found = service_keys.status(work, key_store(config))
        made_at = service_keys.kit_made_at(work)
    for key in found:
        where = " and ".join(key.places) or "missing"
        recoverable = "recoverable" if key.recoverable else "not recoverable"
        yield f"{key.kid}  {key.state}  {where}  wraps {key.secrets}  {recoverable}  since {key.created_at:%Y-%m-%d}"
    if not found:
        yield "There is no master key yet; the first credential makes one."
    yield f"The emergency kit was made on {made_at:%Y-%m-%d %H:%M} UTC." if made_at else NO_KIT


def rotate(config: Config, leave_unreadable: bool = False) -> Iterator[str]:
    """Changes the master key in small steps, each committed: whoever reads or writes goes on meanwhile."""
    keys = key_store(config)
    with prepared(config) as database:
        current = _step(database, lambda work: service_keys.begin_rotation(
            work, keys, leave_unreadable=leave_unreadable))  # fmt: skip
        yield f"{current} is the current key"
        done = 0
        while True:
            some = _step(database, lambda work: service_keys.rewrap_some(work, keys))
            done += some
            end = None if some else _step(database, lambda work: service_keys.finish_rotation(work, keys))
            if end is not None:
                break
            time.sleep(0 if some else PAUSE_S)
    yield f"rewrapped {done} secrets; retired {', '.join(end.retired) or 'no key'}"
    if end.unreadable:
        yield f"{end.unreadable} secrets stay unreadable: recover their key, or give those credentials new secrets"


def kit(config: Config) -> str:
    """The emergency kit, to be printed."""
    with as_system(config) as work:
        written, made_at = service_keys.make_kit(work, key_store(config))
    half = len(written) // 2
    return f"""\
EMERGENCY KIT of the User API Gateway, made on {made_at:%Y-%m-%d %H:%M} UTC

  Recovery key:

    {written[: half + 1].strip("-")}
    {written[half + 1 :].strip("-")}

Print this page or write the key down, keep it away from this computer, and show it to nobody.
When the master key is lost – a new machine, a broken keyring, a restored backup – this brings your
credentials back:

    python app.py key recover

It works until you make another kit. Changing the master key does not end it."""


def recover(config: Config) -> str:
    """Restores what the typed recovery key opens."""
    typed = getpass.getpass("Recovery key: ") if sys.stdin.isatty() else sys.stdin.read(4096)
    with as_system(config) as work:
        restored = service_keys.recover(work, key_store(config), typed)
    return f"restored {', '.join(restored)}" if restored else "nothing was missing"


def key_store(config: Config) -> KeyStore:
    """Where this configuration keeps master keys."""
    return KeyStore(DataDir(config.data_dir).keys, config.master_key)


def _step(database: Database, act: Callable[[Work], R]) -> R:
    with unit_of_work(database.sessions, SYSTEM) as work:
        return act(work)
