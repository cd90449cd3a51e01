"""Templates over events: what they may speak of. They call nothing and keep nothing, and loop over what is there."""

import json
from collections.abc import Mapping
from typing import Any

from jinja2 import Undefined, nodes

from gateway.core.templating import OF_LOOPS, Language, Templates, jinja_filters, joined, plain_text

LONGEST = 8_000
"""Characters of a template."""

MOST_LETTERS = 64 * 1024
"""Characters of what a template gives."""


def _joined(values: Any, by: str = ", ") -> str:
    return joined(values, by, MOST_LETTERS)


def _as_json(value: Any) -> str:
    return _LANGUAGE.bounded(json.dumps(value, ensure_ascii=False, default=str))


def _loop_fault(loop: nodes.For, depth: int) -> str | None:
    node: nodes.Node = loop.iter
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        node = node.node
    if loop.recursive or not isinstance(node, nodes.Name):
        return "a loop goes over a part of an event, such as event.data.criteria"
    return None


_LANGUAGE: Language = Language(
    names=frozenset({"event", "events", "count", "title", "severity"}),
    syntax=(
        nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple,
        nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
        nodes.Not, nodes.CondExpr, nodes.If, nodes.For, nodes.Keyword,
    ),
    filters={
        **jinja_filters(
            "abs", "capitalize", "count", "d", "default", "first", "float", "int", "last", "length", "lower", "round",
            "title", "trim", "truncate", "upper",
        ),
        "join": _joined, "tojson": _as_json,
    },
    tests=("defined", "undefined", "none", "string", "number", "mapping", "sequence", "in"),
    methods=OF_LOOPS,
    loop_fault=_loop_fault,
    undefined=Undefined,
    written=plain_text,
    longest=LONGEST,
    most_letters=MOST_LETTERS,
)  # fmt: skip
_TEMPLATES = Templates(_LANGUAGE)


def check(source: str) -> None:
    """Raises TemplateError for what is no template, or says what templates may not."""
    _TEMPLATES.check(_without_last_break(source))


def render(source: str, values: Mapping[str, Any]) -> str:
    """What the template gives for `values` of all its names. Raises TemplateError."""
    return _TEMPLATES.render(_without_last_break(source), values)


def _without_last_break(source: str) -> str:
    """A message does not end with the line break that its template's text ends with."""
    return source.removesuffix("\n")
