"""The OpenAPI document as it is served: made once, in a thread beside everything else, for it takes a second."""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import gevent
import pydantic.main
from gevent.monkey import get_original

A_MOMENT_S = 1.0
BETWEEN_PARTS_S = 0.1


@dataclass(frozen=True)
class Described:
    """The document with what is sent of it."""

    document: dict[str, Any]
    text: bytes
    packed: bytes
    """The text by gzip: a twentieth."""
    etag: str


class ApiDocument:
    """What `make` describes; whoever comes while it is being made waits for the same."""

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        self._make = make
        self._made: Any = None
        self._is_wanted = False
        _share_models_with_threads()

    def get(self) -> Described:
        """The document, made now if nobody has wanted it before."""
        if self._made is None:
            self._made = gevent.get_hub().threadpool.spawn(self._described)
        return self._made.get()  # type: ignore[no-any-return]

    def want(self) -> None:
        """Has it made in a moment: somebody may come for it."""
        if not self._is_wanted:
            self._is_wanted = True
            gevent.spawn_later(A_MOMENT_S, self.get)

    def prepare(self, parts: Iterable[Callable[[], None]]) -> None:
        """Has parts of it made beforehand, one at a time, so that requests come between; until a thread makes all."""
        for part in parts:
            if self._made is not None:
                return
            part()
            gevent.sleep(BETWEEN_PARTS_S)

    def _described(self) -> Described:
        document = self._make()
        text = json.dumps(document).encode()
        return Described(document, text, gzip.compress(text, 6, mtime=0), hashlib.sha256(text).hexdigest()[:32])


def _share_models_with_threads() -> None:
    """Has requests wait as threads do for models that Pydantic is at work on: it takes milliseconds.

    Its lock is gevent's in a patched process, and that forgets some who wait while another thread has it: they went on
    only with the next request that came for the lock.
    """
    pydantic.main._rebuild_lock = get_original("_thread", "RLock")()  # noqa: SLF001 - there is no other way to it
