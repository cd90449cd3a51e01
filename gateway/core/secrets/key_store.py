"""Where master keys lie: the operating system's keyring, or a file each in the data directory's keys/.

Every key is kept under its id, which is derived from the key itself: a changed entry is noticed, and two places
cannot hold different keys of one id.
"""

import base64
import binascii
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Protocol

import structlog

from gateway.core.data_dir import make_directory, write_private
from gateway.core.errors import MissingPart, NotReady

from .envelope import MasterKey

Where = Literal["auto", "keyring", "file"]

SERVICE = "user-api-gateway"
"""The name under which entries stand in the keyring; the user name there is the key's id."""

LEAST_PRIORITY = 1
"""Backends of the package `keyring` below this are none that a user would expect a secret in."""

log = structlog.get_logger("gateway.keys")


class Place(Protocol):
    """One place that can hold keys, by id, as text."""

    name: str

    def read(self, kid: str) -> str | None:
        """What is kept for `kid`. Raises OSError or keyring's own errors where the place does not answer."""

    def write(self, kid: str, text: str) -> None:
        """Keeps it."""


class KeyFiles:
    """One 0600 file for each key."""

    name = "file"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, kid: str) -> Path:
        """Where the key `kid` lies."""
        return self._directory / f"master-{kid}.key"

    def read(self, kid: str) -> str | None:
        """The file's text, whose line an editor may have ended."""
        try:
            return self.path(kid).read_text("ascii").strip()
        except FileNotFoundError:
            return None

    def write(self, kid: str, text: str) -> None:
        """Written at once or not at all."""
        make_directory(self._directory)
        write_private(self.path(kid), text)


class Keyring:
    """The keyring of the operating system, by the package of that name."""

    name = "keyring"

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def read(self, kid: str) -> str | None:
        """The entry's text."""
        text = self._backend.get_password(SERVICE, kid)
        return text if isinstance(text, str) else None

    def write(self, kid: str, text: str) -> None:
        """Adds the entry."""
        self._backend.set_password(SERVICE, kid, text)


def system_keyring() -> Keyring | None:
    """The keyring where there is a real one; None where the package found nothing to keep secrets in."""
    import keyring  # takes 0.2 s, which only those pay who use a key

    backend = keyring.get_keyring()
    return Keyring(backend) if backend.priority >= LEAST_PRIORITY else None


class KeyStore:
    """The master keys that this process can reach; each is read once and kept in memory."""

    def __init__(self, directory: Path, where: Where = "auto") -> None:
        self.where = where
        self._files = KeyFiles(directory)
        self._known: dict[str, MasterKey] = {}

    def add(self, master: MasterKey) -> str:
        """Keeps a key and returns the name of the place: `keyring` or `file`.

        Raises MissingPart where the only place allowed does not keep it.
        """
        text = base64.b64encode(master.key).decode()
        for place in self._places():
            try:
                place.write(master.kid, text)
                kept = place.read(master.kid) == text
            except Exception as error:  # noqa: BLE001 - backends raise what they like
                log.warning("a place for keys does not answer", place=place.name, error=type(error).__name__)
                kept = False
            if kept:
                self._known[master.kid] = master
                return place.name
        raise MissingPart(
            "The master key cannot be kept: there is no keyring that works, or keys/ cannot be written. Unlock the"
            ' keyring, mend the data directory, or set master_key = "file" in config.toml.'
        )

    def get(self, kid: str) -> MasterKey:
        """The key `kid`. Raises NotReady (`master_key_missing`) with the remedy; nothing is made in its place."""
        if kid not in self._known:
            found, complaint = self._look(kid)
            if found is None:
                raise NotReady(
                    f"The master key {kid} {complaint}. Put it back, unlock the keyring, or restore it with"
                    " `app.py key recover` and your recovery key.",
                    code="master_key_missing",
                )
            self._known[kid] = found
        return self._known[kid]

    def has(self, kid: str) -> bool:
        """Whether the key can be reached."""
        with suppress(NotReady):
            return bool(self.get(kid))
        return False

    def places_of(self, kid: str) -> list[str]:
        """The names of the places that hold the right key of that id, past what this process remembers."""
        return [place.name for place in self._places() if self._read(place, kid)[0] is not None]

    def _look(self, kid: str) -> tuple[MasterKey | None, str]:
        complaints = []
        for place in self._places():
            found, complaint = self._read(place, kid)
            if found is not None:
                return found, ""
            complaints.append(complaint)
        return None, " and ".join(complaints) or "cannot be looked for: this machine has no keyring"

    def _read(self, place: Place, kid: str) -> tuple[MasterKey | None, str]:
        """The key in one place, or what is wrong there."""
        try:
            text = place.read(kid)
        except Exception as error:  # noqa: BLE001 - backends raise what they like
            log.warning("a place for keys does not answer", place=place.name, error=type(error).__name__)
            return None, f"cannot be read from the {self._called(place, kid)}"
        if text is None:
            return None, f"is not in the {self._called(place, kid)}"
        with suppress(binascii.Error, ValueError):
            master = MasterKey.of(base64.b64decode(text, validate=True))
            if master.kid == kid and len(master.key) == 32:
                return master, ""
        return None, f"was changed in the {self._called(place, kid)}"

    def _places(self) -> Iterator[Place]:
        """The places allowed by the setting, the better first."""
        if self.where != "file" and (ring := system_keyring()) is not None:
            yield ring
        if self.where != "keyring":
            yield self._files

    def _called(self, place: Place, kid: str) -> str:
        return f"file keys/{self._files.path(kid).name}" if place.name == "file" else "keyring"
