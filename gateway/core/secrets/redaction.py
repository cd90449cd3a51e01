"""Takes secrets out of text before it is stored or sent to a model (docs/chat.md).

Known kinds are found by their form, the others by what they are assigned to and by how random they look.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .patterns import DETECTORS

REDACTED = "SECRET_REDACTED"

_NAMES = (
    "passw", "passphrase", "secret", "api_key", "apikey", "api-key", "access_key", "accesskey", "access-key", "_token",
    "-token", "authtoken", "accesstoken",
)  # fmt: skip

_ASSIGNED = re.compile(
    r"[\w-]{0,12}[\"']?\s{0,3}(?::=|=>|=|:|\bis\b)\s{0,3}(?:(?P<quote>[\"'`])(?P<quoted>[^\"'`\s]{8,200})(?P=quote)"
    r"|(?P<bare>[^\"'`\s,;(){}\[\]<>$&#]{8,200}))"
)
_NAME_OF_SOMETHING = re.compile(r"[A-Za-z_][A-Za-z_-]*\d{0,2}(?:[.:/][A-Za-z_][\w-]*)*")
"""A variable, an attribute, a path: `settings.api_key`, `new_password2`, `vault:path/name`."""

_PLACEHOLDER = re.compile(
    r"(?i)(?:your|example|placeholder|change.?me|dummy|redacted|xxx|\*\*\*|\.\.\.|\$\{|%\(|\{\{|<)"
)

_NO_PLAIN_WORD = re.compile(r"[\d!@%^*+?]")
_LONG_WORD = re.compile(r"(?<![A-Za-z0-9+/_.-])[A-Za-z0-9+/_-]{32,128}={0,2}(?![A-Za-z0-9+/_-])")
_LONG_LOWER = re.compile(r"[a-z]{8}|[A-Z]{8}|[a-z]+[-_/][a-z]+[-_/]")
"""What random text hardly ever has and names, paths and identifiers nearly always do."""

_FINGERPRINT = re.compile(
    r"(?i)(?:sha-?\d{1,3}|md5|integrity|checksum|digest|etag|fingerprint)[\"']?\s?[-:=]\s?[\"']?$"
)
LEAST_BITS = 4.3
"""Shannon entropy in bits a character: random base64 of 32 characters has 4.5, English in one word 3.9 at most."""

ADDRESS = 2048
"""How far before a word the address is looked for that it may be a piece of."""

_MARKS = [(mark, detector) for detector in DETECTORS for mark in detector.marks if not detector.folded]
_FOLDED_MARKS = [(mark, detector) for detector in DETECTORS for mark in detector.marks if detector.folded]

DATA_URL = "data:"


@dataclass(frozen=True, slots=True)
class Redacted:
    """What is left of a text, and how many secrets of each kind were in it."""

    text: str
    kinds: Counter[str] = field(default_factory=Counter)


def redact(text: str) -> Redacted:
    """Replaces each secret by the literal SECRET_REDACTED. Innocent text comes back as it is."""
    found = sorted(_found(text))
    if not found:
        return Redacted(text)
    kinds: Counter[str] = Counter()
    pieces: list[str] = []
    end = 0
    for begin, stop, kind in found:
        if begin >= end:
            pieces += [text[end:begin], REDACTED]
            kinds[kind] += 1
        end = max(end, stop)  # one that begins within another may reach beyond it
    return Redacted("".join([*pieces, text[end:]]), kinds)


def redact_all(value: Any) -> tuple[Any, Counter[str]]:
    """The same for every string in a JSON value, such as the messages of a completion; names of fields stay.

    Pictures and other `data:` URLs are left alone.
    """
    kinds: Counter[str] = Counter()

    def walk(part: Any) -> Any:
        if isinstance(part, str):
            if part.startswith(DATA_URL):
                return part
            redacted = redact(part)
            kinds.update(redacted.kinds)
            return redacted.text
        if isinstance(part, list):
            return [walk(each) for each in part]
        if isinstance(part, dict):
            return {name: walk(each) for name, each in part.items()}
        return part

    return walk(value), kinds


def _found(text: str) -> Iterator[tuple[int, int, str]]:
    folded = text.replace("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "I").lower()  # the one letter that grows by it
    marked = [detector for mark, detector in _MARKS if mark in text]
    marked += [detector for mark, detector in _FOLDED_MARKS if mark in folded]
    for detector in dict.fromkeys(marked):
        for begin, end in detector.found_in(text):
            if text[begin:end] != REDACTED:
                yield begin, end, detector.kind
    yield from _assigned(text, folded)
    yield from _random(text)


def _assigned(text: str, folded: str) -> Iterator[tuple[int, int, str]]:
    for name in _NAMES:
        at = folded.find(name)
        while at >= 0:
            at += len(name)
            if (match := _ASSIGNED.match(text, at)) is not None and _is_secret(match):
                yield *match.span(match.lastgroup or 0), "password"
                at = match.end()  # names within what is taken out anyway
            at = folded.find(name, at)


def _is_secret(match: re.Match[str]) -> bool:
    value = match["quoted"] or match["bare"]
    if not _NO_PLAIN_WORD.search(value) or _PLACEHOLDER.search(value) or value == REDACTED:  # the cheap one first
        return False
    return match["bare"] is None or not (_NAME_OF_SOMETHING.fullmatch(value) or value.isdigit())


def _random(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _LONG_WORD.finditer(text):
        word = match[0]
        kinds = sum(any(test(letter) for letter in word) for test in (str.islower, str.isupper, str.isdigit))
        if kinds < 3 or _LONG_LOWER.search(word) or _bits(word) < LEAST_BITS:
            continue
        if not _FINGERPRINT.search(text[max(0, match.start() - 24) : match.start()]) and not _is_in_address(
            text, match
        ):
            yield match.start(), match.end(), "random"


def _is_in_address(text: str, match: re.Match[str]) -> bool:
    """Whether the word is a piece of a URL's path: ids of documents and videos look random, too."""
    first = max(0, match.start() - ADDRESS)
    start = max(first - 1, *(text.rfind(space, first, match.start()) for space in " \n\t\"'(<"))
    return "://" in text[start + 1 : match.start()] and "?" not in text[start + 1 : match.start()]


def _bits(word: str) -> float:
    counts = Counter(word).values()
    return -sum(count / len(word) * math.log2(count / len(word)) for count in counts)
