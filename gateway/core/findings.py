"""What is wrong with a value, in words for whoever has written it."""

import re

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_NAMED = re.compile(r"([a-z][a-z0-9_]*): ")

_WORDS = {
    "extra_forbidden": "there is no such field",
    "missing": "it is required",
    "uuid_type": "this is no id; ids look like 0197f1a2-3b4c-7d5e-8f90-123456789abc",
    "uuid_parsing": "this is no id; ids look like 0197f1a2-3b4c-7d5e-8f90-123456789abc",
    "timezone_aware": "the offset from UTC is missing; write it as in 2026-01-31T09:00:00Z",
    "datetime_parsing": "this is no time; write it as in 2026-01-31T09:00:00Z",
    "datetime_type": "this is no time; write it as in 2026-01-31T09:00:00Z",
    "datetime_from_date_parsing": "this is no time; write it as in 2026-01-31T09:00:00Z",
    "greater_than_equal": "it must be at least {ge}",
    "greater_than": "it must be more than {gt}",
    "less_than_equal": "it must be at most {le}",
    "less_than": "it must be less than {lt}",
    "string_too_short": "it needs {min_length} or more characters",
    "string_too_long": "it is longer than {max_length} characters",
    "too_short": "it needs {min_length} or more",
    "too_long": "these are more than {max_length}",
    "literal_error": "it must be {expected}",
    "int_parsing": "it must be a whole number",
    "int_type": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "float_parsing": "it must be a number",
    "float_type": "it must be a number",
    "bool_parsing": "it must be true or false",
    "bool_type": "it must be true or false",
    "string_type": "it must be text",
    "list_type": "it must be a list",
    "dict_type": "it must be an object",
    "model_type": "it must be an object",
}
"""What is wrong, by pydantic's type of error, where it can be said more plainly than pydantic does; with its limits."""


def findings(error: ValidationError, *within: str) -> list[tuple[str, str]]:
    """Pairs of a field's dotted path, beginning with `within`, and what is wrong with it.

    What is wrong between fields says itself, before a colon, at which of them it is to be mended. The path is empty
    where it is about all that was given.
    """
    return [_finding(item, within) for item in error.errors(include_url=False)]


def first_finding(error: ValidationError) -> str:
    """What is wrong first, in one line."""
    return ": ".join(filter(None, findings(error)[0]))


def _finding(item: ErrorDetails, within: tuple[str, ...]) -> tuple[str, str]:
    path = [*within, *(str(part) for part in item["loc"])]
    words = _WORDS.get(item["type"])
    message = words.format_map(item.get("ctx", {})) if words else item["msg"].removeprefix("Value error, ")
    if item["type"] == "value_error" and isinstance(item["input"], dict) and (named := _NAMED.match(message)):
        path, message = [*path, named[1]], message[named.end() :]
    return ".".join(path), message
