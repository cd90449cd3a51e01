"""Brings one file here by its URL: taken up again where it was cut, kept only with the right checksum."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx

from gateway.adapters.providers.base import ProviderError
from gateway.adapters.providers.transport import http_client, transport_error

Progress = Callable[[int, int], None]
"""Told `(bytes done, bytes in all)`, about a hundred times a download."""

CONNECT_TIMEOUT_S = 15
READ_TIMEOUT_S = 60
PIECE_BYTES = 1024 * 1024


class PartialFile:
    """A file that grows to a known size and checksum; what an earlier attempt left is read and kept."""

    def __init__(self, path: Path, size: int) -> None:
        self.size = size
        self._file = path.open("a+b")
        self._file.seek(0)
        self._digest = hashlib.sha256()
        self.done = 0
        while piece := self._file.read(PIECE_BYTES):
            self._digest.update(piece)
            self.done += len(piece)
        if self.done > size:
            self._restart()

    def write(self, position: int, piece: bytes) -> None:
        """Append `piece`; should it not follow what is there, begin again with it."""
        if position != self.done:
            self._restart()
        self._file.write(piece)
        self._digest.update(piece)
        self.done += len(piece)

    def sha256(self) -> str:
        """The checksum of what is there."""
        return self._digest.hexdigest()

    def _restart(self) -> None:
        self._file.truncate(0)
        self._digest = hashlib.sha256()
        self.done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


async def fetch(url: str, path: Path, *, size: int, sha256: str, progress: Progress) -> None:
    """Bring `path` to exactly `size` bytes with the given SHA-256, from an http(s) or file URL.

    What is already there is kept and continued where the server can (RFC 9110, section 14.2). Raises OSError
    and ProviderError: after `corrupt` the file is gone, after anything else it can be continued.
    """
    with await asyncio.to_thread(PartialFile, path, size) as part:
        if part.done < size:
            await _fill(part, url, progress)
        if part.done < size:
            raise _interrupted(url)
        right = part.done == size and part.sha256() == sha256
    if not right:
        await asyncio.to_thread(path.unlink)
        raise ProviderError(
            f"The download from {_host(url)} was deleted because its checksum is wrong; try again, and check "
            "pip's configuration (`pip config list`) if it stays so.",
            code="corrupt",
            permanent=False,
        )


async def _fill(part: PartialFile, url: str, progress: Progress) -> None:
    told = 0
    source = _local_pieces if urlsplit(url).scheme == "file" else _remote_pieces
    async with aclosing(source(url, part.done)) as pieces:
        async for position, piece in pieces:
            part.write(position, piece)
            if part.done > part.size:
                return
            if part.done - told >= part.size // 100 or part.done == part.size:
                progress(part.done, part.size)
                told = part.done


async def _local_pieces(url: str, offset: int) -> AsyncGenerator[tuple[int, bytes]]:
    """A local file's bytes from `offset` on, each piece with its position."""
    file = await asyncio.to_thread(Path(url2pathname(urlsplit(url).path)).open, "rb")
    with file:
        file.seek(offset)
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield offset, piece
            offset += len(piece)


async def _remote_pieces(url: str, offset: int) -> AsyncGenerator[tuple[int, bytes]]:
    """A URL's bytes from `offset` on, or from 0 where the server cannot continue, each with its position."""
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={offset}-"} if offset else {})}
    try:
        async with http_client(url, connect_s=CONNECT_TIMEOUT_S, follow_redirects=True) as client:
            client.timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
            async with client.stream("GET", url, headers=headers) as response:
                offset = _start(response, url)
                async for piece in response.aiter_raw():
                    yield offset, piece
                    offset += len(piece)
    except httpx.ReadTimeout:
        raise _interrupted(url) from None
    except httpx.TransportError as error:
        raise transport_error(error, _host(url)) from None


def _start(response: httpx.Response, url: str) -> int:
    """Where the answer's body begins in the file: `Content-Range: bytes 100-199/200`, or 0 without one."""
    if response.status_code == httpx.codes.OK:
        return 0
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        return int(response.headers["content-range"].removeprefix("bytes ").partition("-")[0])
    raise ProviderError(
        f"The download from {_host(url)} was refused with status {response.status_code}; try again later, or "
        "check pip's configuration (`pip config list`).",
        code="not_found" if response.is_client_error else "interrupted",
        permanent=response.is_client_error,
        status=response.status_code,
    )


def _interrupted(url: str) -> ProviderError:
    return ProviderError(
        f"The download from {_host(url)} ended early; run it again and it continues.",
        code="interrupted",
        permanent=False,
    )


def _host(url: str) -> str:
    """The part of a URL that may be shown: paths and queries of mirrors can hold keys."""
    return urlsplit(url).hostname or "this machine"
