"""Values from outside in the text of a shell command, each quoted for the place it stands in. Pure.

The text has each value between OPEN and CLOSE. Where no quoting helps – inside `$(…)`, backquotes, a here-document –
the text is refused: such values are to be handed over in the environment. So it is where what is quoted is read once
more: where bash calculates or takes the name of a variable, and in programs that are themselves words of the command.
"""

import re
import shlex

from gateway.core.templating import TemplateError

from .shell_rereading import Command
from .templates import CLOSE, OPEN

_ADVICE = 'hand the value over in env and write "$NAME" in its place'
_COMPARE = "compare it with [ … ], or hand it over in env to a program that checks it"
_OPAQUE = ("`", "$(", "${", "<<", "$'", '$"')
_NUMBERS_COMPARED = re.compile(r"\s-(?:eq|ne|lt|le|gt|ge)\s")

_WORD_ENDS = " \t\n;&|()<>"
"""After one of these a # begins a comment."""


def quoted(marked: str) -> str:
    """The command with its values quoted. Raises TemplateError where that cannot be done."""
    if OPEN not in marked:
        return marked
    parts = _parts(marked)
    literal = "".join(text for is_value, text in parts if not is_value)
    if found := next((sign for sign in _OPAQUE if sign in literal), None):
        raise TemplateError(f"a value cannot be quoted safely in a command with {found}; {_ADVICE}")
    if _calculates(literal):
        raise TemplateError(f"a value cannot be quoted safely where the shell calculates; {_COMPARE}")
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


def _calculates(literal: str) -> bool:
    """Whether there is `((`, `$[`, or numbers compared within `[[ … ]]`."""
    within = (part.partition("[[")[2] for part in literal.split("]]"))
    return "((" in literal or "$[" in literal or any(_NUMBERS_COMPARED.search(part) for part in within)


class _State:
    """How far a shell has read: within which quotes, in a comment, an array's index, after a backslash or a dollar."""

    def __init__(self) -> None:
        self._within = ""
        self._last = "\n"
        self._is_escaped = False
        self._is_index = False
        self._command = Command()

    def read(self, literal: str) -> None:
        """Goes on over text that the hook's author has written."""
        for letter in literal:
            self._step(letter)

    def quote(self, value: str) -> str:
        """A value for the present place."""
        if self._is_escaped or self._last == "$":
            raise TemplateError(f"a value cannot stand right after {self._last}; {_ADVICE}")
        if self._is_index:
            raise TemplateError(f"a value cannot be quoted safely as an array's index; {_COMPARE}")
        if self._within == "#":
            return shlex.quote(" ".join(value.split()))
        if word := self._command.reads_again():
            raise TemplateError(f"a value cannot be quoted safely where {word} reads it once more; {_COMPARE}")
        self._last = "x"
        self._command.read("x")
        if self._within == "'":
            return value.replace("'", "'\"'\"'")
        if self._within == '"':
            return "".join("\\" + letter if letter in '\\"$`' else letter for letter in value)
        return shlex.quote(value)

    def _step(self, letter: str) -> None:
        if self._is_escaped:
            self._is_escaped = False
            if letter != "\n":  # a line that goes on in the next one, as if nothing were between
                self._last = "x"
                self._command.read("\\")
                self._command.read(letter)
            return
        if letter == "\\" and self._within not in ("#", "'"):
            self._is_escaped = True
            return
        self._command.read(letter)
        if self._within == "#":
            if letter == "\n":
                self._within, self._command = "", Command()
        elif self._within == "'":
            self._within = "" if letter == "'" else "'"
        elif self._within == '"':
            self._within = "" if letter == '"' else '"'
        else:
            self._step_unquoted(letter)
        self._last = letter

    def _step_unquoted(self, letter: str) -> None:
        if letter in "'\"" or (letter == "#" and self._last in _WORD_ENDS):
            self._within = letter
        elif letter == "[":
            self._is_index = self._last.isalnum() or self._last == "_"
        elif letter == "]" or letter in _WORD_ENDS:
            self._is_index = False
            if letter == "(" or (letter in ";&|)\n" and self._last != ">"):
                self._command = Command()
