"""Where in a shell command a text is read once more: as a command, as a variable's name, as a program's text. Pure.

A command is read letter by letter, and each letter once, however many values stand in it: nothing else happens in the
gateway meanwhile.
"""

import re

_BEFORE = re.compile(r"if|elif|while|until|then|do|else|!|\{|time|command|builtin|exec|sudo|\w+=\S*")
"""Words that may stand before the one that says what is run."""

_READ = frozenset({"let", "eval", "trap", "source", ".", "read", "unset"})
_DECLARE = frozenset({"declare", "typeset", "local", "readonly"})
_TAKE_NAMES = frozenset({"printf", "test", "[", "[[", "wait"})
"""Builtins that read all of their words once more; those after some options, or a name; those after -v and -p."""

_PROGRAM = re.compile(r"(?:ba|da|z|k|c|fi|a)?sh|python[\d.]*|perl|ruby|node|php|psql")
_PROGRAM_OPTION = re.compile(r"(?:-|\d*[<>])\S+")
_PROGRAM_TAKES = re.compile(r"-\w*[cerE]|--eval|--command")
"""Programs, what may stand between one and the option before its text, and that option."""

_RUNNER = frozenset({"su", "runuser", "script", "flock"})
_RUNNER_TAKES = re.compile(r"-\w*c|--command")
"""Programs that run a command given after this option, wherever it stands."""

_EDITOR = frozenset({"sed", "awk", "gawk", "mawk"})
"""Programs whose text is a quoted word of theirs."""


class Command:
    """One simple command, as far as it was read: what of it matters for a value that may come next."""

    def __init__(self) -> None:
        self._head = self._before = self._program = self._runner = self._editor = ""
        self._word: list[str] = []
        self._has_equals = self._has_dash = self._has_flag = False
        self._texts: dict[str, str] = {}
        """Who reads the text that goes on here, by how it goes on: not begun (a space), a word, within either quote."""

    def read(self, letter: str) -> None:
        """Goes on by a letter, as it is written in the command."""
        if self._texts:
            self._texts = {_gone_on(place, letter): who for place, who in self._texts.items()}
            self._texts.pop("", None)
        if letter.isspace():
            self._end_word()
            return
        if letter == "=" and not self._has_equals:
            self._has_equals = True
            self._begin_text("".join(self._word))
        if letter in "'\"" and self._editor and not self._word:
            self._texts[letter] = self._editor
        if self._head in _DECLARE:
            self._has_flag |= self._has_dash and letter in "in"
            self._has_dash = letter == "-" or (self._has_dash and (letter.isalnum() or letter == "_"))
        self._word.append(letter)

    def reads_again(self) -> str:
        """The word that would read a value here once more; empty where none does."""
        begins = self._word in ([], ["'"], ['"'])
        if (
            self._head in _READ
            or (self._head in _DECLARE and (self._has_flag or begins))
            or (self._head in _TAKE_NAMES and begins and self._before in ("-v", "-p"))
        ):
            return self._head
        return next(iter(self._texts.values()), "")

    def _end_word(self) -> None:
        if not self._word:
            return
        word, self._word = "".join(self._word), []
        self._has_equals = self._has_dash = False
        self._begin_text(word)
        name = word.rpartition("/")[2]
        if _PROGRAM.fullmatch(name):
            self._program = name
        elif not _PROGRAM_OPTION.fullmatch(word):
            self._program = ""
        if name in _RUNNER:
            self._runner = name
        if name in _EDITOR:
            self._editor = name
        if not self._head and not _BEFORE.fullmatch(word):
            self._head = word
        self._before = word

    def _begin_text(self, option: str) -> None:
        """What comes after this word is read once more, if it is such an option."""
        if self._runner and _RUNNER_TAKES.fullmatch(option):
            self._texts[" "] = self._runner
        if self._program and _PROGRAM_TAKES.fullmatch(option):
            self._texts[" "] = self._program


def _gone_on(place: str, letter: str) -> str:
    """How a text goes on after a letter; empty once it has ended."""
    if place in ("'", '"'):
        return "" if letter == place else place
    if letter.isspace() or letter in "'\"":
        return (" " if letter.isspace() else letter) if place == " " else ""
    return "word"
