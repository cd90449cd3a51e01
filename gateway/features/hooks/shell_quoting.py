"""Values from outside in the text of a shell command, each quoted for the place it stands in. Pure.

The text has each value between OPEN and CLOSE. Where no quoting helps – inside `$(…)`, backquotes, a here-document –
the text is refused: such values are to be handed over in the environment.
"""

import shlex

from gateway.core.templating import TemplateError

from .templates import CLOSE, OPEN

_ADVICE = 'hand the value over in env and write "$NAME" in its place'
_OPAQUE = ("`", "$(", "${", "<<", "$'", '$"')


def quoted(marked: str) -> str:
    """The command with its values quoted. Raises TemplateError where that cannot be done."""
    if OPEN not in marked:
        return marked
    parts = _parts(marked)
    literal = "".join(text for is_value, text in parts if not is_value)
    if found := next((sign for sign in _OPAQUE if sign in literal), None):
        raise TemplateError(f"a value cannot be quoted safely in a command with {found}; {_ADVICE}")
    state, written = _State(), []
    for is_value, text in parts:
        if is_value:
            written.append(state.quote(text))
        else:
            state.read(text)
            written.append(text)
    return "".join(written)


def _parts(marked: str) -> list[tuple[bool, str]]:
    """Literal and values in turn."""
    first, *rest = marked.split(OPEN)
    parts = [(False, first)]
    for piece in rest:
        value, _, literal = piece.partition(CLOSE)
        parts += [(True, value), (False, literal)]
    return parts


class _State:
    """How far a shell has read: within which quotes, in a comment, after a backslash or a dollar sign."""

    def __init__(self) -> None:
        self._within = ""
        self._last = "\n"
        self._is_escaped = False

    def read(self, literal: str) -> None:
        """Goes on over text that the hook's author has written."""
        for letter in literal:
            self._step(letter)
            self._last = letter

    def quote(self, value: str) -> str:
        """A value for the present place."""
        if self._is_escaped or self._last == "$":
            raise TemplateError(f"a value cannot stand right after {self._last}; {_ADVICE}")
        self._last = "x"
        if self._within == "#":
            return " ".join(value.split())
        if self._within == "'":
            return value.replace("'", "'\"'\"'")
        if self._within == '"':
            return "".join("\\" + letter if letter in '\\"$`' else letter for letter in value)
        return shlex.quote(value)

    def _step(self, letter: str) -> None:
        if self._is_escaped:
            self._is_escaped = False
        elif self._within == "#":
            self._within = "" if letter == "\n" else "#"
        elif self._within == "'":
            self._within = "" if letter == "'" else "'"
        elif letter == "\\":
            self._is_escaped = True
        elif self._within == '"':
            self._within = "" if letter == '"' else '"'
        elif letter in "'\"":
            self._within = letter
        elif letter == "#" and self._last in " \t\n;&|(":
            self._within = "#"
