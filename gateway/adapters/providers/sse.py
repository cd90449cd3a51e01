"""Server-sent events, decoded from bytes as they come (WHATWG HTML, "9.2 Server-sent events")."""

import re
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Event:
    """One dispatched event; `name` is empty unless the stream named it."""

    name: str
    data: str


class EventDecoder:
    """Turns pieces of a stream, cut anywhere, into whole events; comments and unknown fields are passed over.

    Lines end at CR, LF or CRLF only: text may hold other line separators (U+2028) inside an event.
    """

    def __init__(self, max_event_bytes: int = 4 * 1024 * 1024) -> None:
        self._max_bytes = max_event_bytes
        self._pending = bytearray()
        self._name = ""
        self._data: list[str] = []
        self._size = 0
        self._skip_line_feed = False

    def feed(self, piece: bytes) -> list[Event]:
        """Take the next piece, give the events it completes. Raises ValueError for one too large."""
        if not piece:
            return []
        if self._skip_line_feed:
            piece = piece.removeprefix(b"\n")
            self._skip_line_feed = False
        # A CR at the very end is a line end already; should an LF follow, it belongs to it.
        self._skip_line_feed = piece.endswith(b"\r")
        first, *rest = _LINE_END.split(piece)
        self._pending += first
        lines: list[bytes] = []
        if rest:
            lines = [bytes(self._pending), *rest[:-1]]
            self._pending = bytearray(rest[-1])
        events = [event for line in lines if (event := self._take(line.decode("utf-8", "replace")))]
        if self._size + len(self._pending) > self._max_bytes:
            raise ValueError(f"an event is larger than {self._max_bytes} bytes")
        return events

    def _take(self, line: str) -> Event | None:
        if not line:
            event = Event(self._name, "\n".join(self._data)) if self._data else None
            self._name, self._data, self._size = "", [], 0
            return event
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
            self._size += len(value) + 1  # an empty line is one, too
        elif field == "event":
            self._name = value
        return None
