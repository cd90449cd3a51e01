"""Which values a preference may have: its type, and for the keys that the gateway knows, what they mean.

Pure functions; they judge what is written, and again what is read, as another version may have written it.
"""

import re
from collections.abc import Callable
from typing import Any

LARGEST_TEXT = 20_000

_KEY = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*")
_LANGUAGE_TAG = re.compile(
    # RFC 5646, 2.1: langtag, or private use alone
    r"([a-z]{2,3}(-[a-z]{3}){0,3}|[a-z]{4,8})(-[a-z]{4})?(-([a-z]{2}|\d{3}))?"
    r"(-([a-z0-9]{5,8}|\d[a-z0-9]{3}))*(-[0-9a-wy-z](-[a-z0-9]{2,8})+)*(-x(-[a-z0-9]{1,8})+)?|x(-[a-z0-9]{1,8})+",
    re.IGNORECASE,
)
_CODE_LANGUAGE = re.compile(r"[A-Za-z][A-Za-z0-9+#._ -]{0,39}")
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"\*|(\*\.)?{_LABEL}(\.{_LABEL})*", re.IGNORECASE)

SUMMARY_STYLES = ("concise", "detailed", "bullets")

Judge = Callable[[Any], str | None]


def type_of(value: Any) -> str:
    """The JSON type of a value (RFC 8259, 3), which is its `value_type`."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def is_key(key: str) -> bool:
    """Whether `key` is lower-case words joined by dots."""
    return len(key) <= 200 and _KEY.fullmatch(key) is not None


def problem_with(key: str, value: Any, value_type: str) -> tuple[str, str] | None:
    """What does not fit: the field (`value_type` or `value`) and why; None where all is well.

    `null` fits every key: it masks the scopes further away.
    """
    actual = type_of(value)
    if value_type != actual:
        return "value_type", f"the value is of type {actual}, not {value_type}"
    judge = _judge_of(key)
    reason = judge(value) if judge is not None and value is not None else None
    return ("value", reason) if reason else None


def _judge_of(key: str) -> Judge | None:
    if key in _KNOWN:
        return _KNOWN[key]
    return next((judge for pattern, judge in _FAMILIES if pattern.fullmatch(key)), None)


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "give true or false"


def _summary_style(value: Any) -> str | None:
    return None if value in SUMMARY_STYLES else f"give one of {', '.join(SUMMARY_STYLES)}"


def _language_tag(value: Any) -> str | None:
    is_tag = isinstance(value, str) and len(value) <= 100 and _LANGUAGE_TAG.fullmatch(value)
    return None if is_tag else "give a language tag (BCP 47) such as en or de-CH"


def _line_length(value: Any) -> str | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 40 <= value <= 400
    return None if fits else "give a whole number from 40 to 400"


def _text(value: Any) -> str | None:
    fits = isinstance(value, str) and len(value) <= LARGEST_TEXT
    return None if fits else f"give a text of at most {LARGEST_TEXT} characters"


def _list_of(what: str, pattern: re.Pattern[str]) -> Judge:
    def judge(value: Any) -> str | None:
        fits = isinstance(value, list) and len(value) <= 500
        if fits and all(isinstance(item, str) and len(item) <= 500 and pattern.fullmatch(item) for item in value):
            return None
        return f"give a list of at most 500 {what}"

    return judge


_languages = _list_of("names of programming languages, such as python", _CODE_LANGUAGE)


def _language_or_languages(value: Any) -> str | None:
    return _languages([value] if isinstance(value, str) else value)


_KNOWN: dict[str, Judge] = {
    "output.summary_style": _summary_style,
    "definition_of_done.required_checks": _list_of("names of checks", re.compile(r"\S(.*\S)?")),
    "language.preferred": _language_tag,
    "code.language.allowed": _languages,
    "code.language.disallowed": _languages,
    "standards.markdown.line_length": _line_length,
    "security.network.allowed": _boolean,
    "security.trusted_sources": _list_of(
        "sources such as web:docs.example.com, web:*.example.com or file:*",
        re.compile(r"(file|web|tool|hook|mail):\S.*"),
    ),
    "security.web_browse.allowed_domains": _list_of("domains such as example.com, *.example.com or *", _DOMAIN),
}

_FAMILIES: tuple[tuple[re.Pattern[str], Judge], ...] = (
    (re.compile(r"code\.language\..+"), _language_or_languages),
    (re.compile(r"agents\.[^.]+\.additional_context"), _text),
)
