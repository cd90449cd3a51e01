"""The store of a node that does not share the gateway's disk: what it has are copies, carried by the gateway."""

import os
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import httpx

import gateway
from gateway.core.errors import MissingPart
from gateway.core.received_file import ReceivedFile

from .store import CHUNK, Store

R = TypeVar("R")

PATIENCE_S = 180.0
"""How long a gateway that does not answer is waited for: it may be starting again, or the link to it may be cut."""

SILENCE_S = 20.0
"""How long a request waits for its next byte: what a cut link has swallowed is asked for again while patience lasts."""

PASSING = (429, 502, 503, 504)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
COPIES_KEPT_S = 24 * 3600.0


class RemoteStore(Store):
    """Fetches what it has not, and brings what it keeps to the gateway; both are checked by their SHA-256.

    Its methods wait for the network: never call them from an event loop. They raise OSError when the gateway does
    not answer for long, or refuses.
    """

    is_copy = True

    def __init__(self, root: Path, url: str, token: str) -> None:
        super().__init__(root)
        self.http = httpx.Client(
            base_url=url.rstrip("/"), headers={"Authorization": f"Bearer {token}"}, verify=ssl.create_default_context(),
            timeout=httpx.Timeout(SILENCE_S, connect=5),
        )  # fmt: skip

    def check(self) -> None:
        """Raises MissingPart with the remedy when the gateway is of another release, or does not take the token."""
        try:
            release = self.http.get("/healthz").raise_for_status().json()["version"]
            status = self.http.head(f"/v1/files/{EMPTY}").status_code
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise MissingPart(f"No gateway answers at {self.http.base_url}; start it or correct --join.") from error
        if release != gateway.__version__:
            raise MissingPart(f"The gateway is release {release}, this node {gateway.__version__}; update the older.")
        if status not in (200, 404):
            raise MissingPart(
                "The gateway does not take the join token; make one there with"
                " `app.py token create --name NODE --scope nodes.carry_files` and put it into GATEWAY_JOIN_TOKEN."
            )

    def close(self) -> None:
        """Closes the connections."""
        self.http.close()

    def local(self, sha256: str) -> Path:
        """Where the bytes lie here, fetched if need be."""
        copy = self.path(sha256)
        with suppress(FileNotFoundError):
            os.utime(copy)
            return copy
        _patiently(lambda: self._fetch(sha256))
        return copy

    def keep(self, file: ReceivedFile) -> None:
        """Has the gateway keep the file, and keeps a copy."""
        file.finish()
        if not _patiently(lambda: self._is_there(file.sha256)):
            self.bring(file)
        super().keep(file)

    def bring(self, file: ReceivedFile) -> None:
        """Sends a file that is complete to the gateway, which deletes it again unless it becomes an artifact soon."""
        _patiently(lambda: self._send(file))

    def sweep_incoming(self, older_than_s: float, now_s: float) -> None:
        """Deletes what was left half-way, and copies that nobody has asked for since a day."""
        super().sweep_incoming(older_than_s, now_s)
        for copy in self.root.glob("??/??/*"):
            with suppress(FileNotFoundError):
                if now_s - copy.stat().st_mtime > COPIES_KEPT_S:
                    copy.unlink()

    def _fetch(self, sha256: str) -> None:
        file = ReceivedFile(self.incoming, sys.maxsize)
        try:
            with self.http.stream("GET", f"/v1/files/{sha256}") as answer:
                answer.raise_for_status()
                for piece in answer.iter_bytes(CHUNK):
                    file.write(piece)
            if file.sha256 != sha256:
                raise OSError(f"the bytes of {sha256} arrived damaged")
            super().keep(file)
        finally:
            file.close()

    def _send(self, file: ReceivedFile) -> None:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(file.size)}
        self.http.put(f"/v1/files/{file.sha256}", content=_pieces(file.path), headers=headers).raise_for_status()

    def _is_there(self, sha256: str) -> bool:
        answer = self.http.head(f"/v1/files/{sha256}")
        if answer.status_code != 404:
            answer.raise_for_status()
        return answer.is_success


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while piece := source.read(CHUNK):
            yield piece


def _patiently(act: Callable[[], R]) -> R:
    """What `act` gives, tried again while the gateway does not answer."""
    deadline, pause = time.monotonic() + PATIENCE_S, 0.2
    while True:
        try:
            return act()
        except httpx.HTTPError as error:
            passes = not isinstance(error, httpx.HTTPStatusError) or error.response.status_code in PASSING
            if not passes or time.monotonic() > deadline:
                raise OSError(f"the gateway does not carry a file: {error}") from error
        time.sleep(pause)
        pause = min(2.0, pause * 2)
