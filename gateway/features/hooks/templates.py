"""Templates over a request: what they may speak of and do, and marks around the values in a text."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import UndefinedError
from jinja2.runtime import StrictUndefined

from gateway.core.templating import (
    OF_LOOPS,
    Language,
    Sample,
    TemplateError,
    Templates,
    jinja_filters,
    joined,
    plain_text,
)

LONGEST = 16_000
MOST_LETTERS = 256 * 1024

OPEN, CLOSE = "\ue000", "\ue001"
"""Stand around each value that comes into a text, so that it can be quoted for the place it stands in."""


class Missing(StrictUndefined):
    """Something that the request does not have; knows the whole way to it."""

    __slots__ = ()

    def __getattr__(self, name: str) -> "Missing":
        if name[:2] == "__":
            raise AttributeError(name)
        return Missing(name=f"{self._undefined_name}.{name}")

    def __getitem__(self, name: Any) -> "Missing":  # type: ignore[override]
        return Missing(name=f"{self._undefined_name}.{name}")

    def _fail_with_undefined_error(self, *args: Any, **options: Any) -> Any:
        raise UndefinedError(f"the request has no {self._undefined_name}; give a default, as in | default('')")

    __str__ = __len__ = __iter__ = __eq__ = __ne__ = __bool__ = __hash__ = __contains__ = _fail_with_undefined_error
    __add__ = __radd__ = __sub__ = __rsub__ = __lt__ = __le__ = __gt__ = __ge__ = __call__ = _fail_with_undefined_error


def _written(value: Any) -> str:
    """A value as it comes into a text, between its marks."""
    text = plain_text(value)
    return f"{OPEN}{text.replace(OPEN, '').replace(CLOSE, '')}{CLOSE}" if text else ""


def _join(values: Iterable[Any], by: str = "", attribute: str | None = None) -> str:
    chosen = (
        value.get(attribute, "") if attribute is not None and isinstance(value, dict) else value for value in values
    )
    return joined(chosen, by, MOST_LETTERS)


def _map(values: Iterable[Any], attribute: str, default: Any = "") -> list[Any]:
    return [
        value if isinstance(value, Sample) else value.get(attribute, default) if isinstance(value, dict) else default
        for value in values
    ]


def _replace(text: Any, old: str, new: str) -> str:
    whole = plain_text(text)
    if len(whole) + whole.count(old) * len(new) > MOST_LETTERS:
        raise _LANGUAGE.too_long()
    return whole.replace(old, new)


def _loop_fault(loop: nodes.For, depth: int) -> str | None:
    return "loops go three deep at most" if depth > 3 or loop.recursive else None


_LANGUAGE: Language = Language(
    names=frozenset({"body", "headers", "query", "hook", "received_at"}),
    syntax=(
        nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict,
        nodes.Pair, nodes.Keyword, nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Call,
        nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.CondExpr,
        nodes.Concat, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.If, nodes.For,
    ),
    filters={
        **jinja_filters(
            "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items", "last",
            "length", "list", "lower", "max", "min", "reverse", "round", "sort", "string", "sum", "title", "trim",
            "truncate", "unique", "upper", "urlencode",
        ),
        "join": _join, "map": _map, "replace": _replace,
        "tojson": lambda value: _LANGUAGE.bounded(json.dumps(value, ensure_ascii=False)),
    },
    tests=("defined", "undefined", "none", "string", "number", "mapping", "sequence", "in", "true", "false", "boolean"),
    methods={
        **OF_LOOPS,
        str: frozenset({"lower", "upper", "strip", "lstrip", "rstrip", "startswith", "endswith", "split",
                        "removeprefix", "removesuffix", "title", "capitalize", "isdigit", "find", "count"}),
        dict: frozenset({"get", "items", "keys", "values"}),
        list: frozenset({"index", "count"}),
    },
    loop_fault=_loop_fault,
    undefined=Missing,
    written=_written,
    longest=LONGEST,
    most_letters=MOST_LETTERS,
)  # fmt: skip
_TEMPLATES = Templates(_LANGUAGE)


def check(source: str) -> None:
    """Raises TemplateError for what is no template, or says what templates may not."""
    if OPEN in source or CLOSE in source:
        raise TemplateError("U+E000 and U+E001 are not to be used in templates")
    _TEMPLATES.check(source)


def is_template(source: str) -> bool:
    """Whether a text says anything but itself."""
    return any(mark in source for mark in ("{{", "{%", "{#"))


def marked(source: str, context: Mapping[str, Any]) -> str:
    """The text, each value in it between OPEN and CLOSE. Raises TemplateError."""
    check(source)
    return _TEMPLATES.render(source, context)


def text(source: str, context: Mapping[str, Any]) -> str:
    """The text. Raises TemplateError."""
    return unmarked(marked(source, context))


def value(source: str, context: Mapping[str, Any]) -> Any:
    """What the template's only expression is, where there is nothing else in it; the text otherwise.

    Raises TemplateError.
    """
    check(source)
    found = _TEMPLATES.value(source, context)
    return unmarked(found) if isinstance(found, str) and not isinstance(found, Sample) else found


def unmarked(text: str) -> str:
    """The text without the marks of its values."""
    return text.replace(OPEN, "").replace(CLOSE, "")
