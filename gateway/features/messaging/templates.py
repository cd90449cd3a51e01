"""Templates over events: a small part of Jinja, in its sandbox. Whoever writes one cannot stop the node.

What one may say is a list of what is harmless: it calls nothing and keeps nothing, so that nothing can grow; loops go
over what is there, and are counted; what comes out is bounded.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.filters import FILTERS
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST = 8_000
"""Characters of a template."""

MOST_LETTERS = 64 * 1024
"""Characters of what a template gives."""

MOST_ROUNDS = 10_000
"""Rounds of all loops together."""

NAMES = frozenset({"event", "events", "count", "title", "severity"})
"""What a template may speak of."""

_ROUND = "_round"
_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Filter,
    nodes.Test, nodes.Getattr, nodes.Getitem, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
    nodes.CondExpr, nodes.If, nodes.For, nodes.Keyword,
)  # fmt: skip
_TAKEN = (
    "abs", "capitalize", "count", "d", "default", "first", "float", "int", "last", "length", "lower", "round",
    "title", "trim", "truncate", "upper",
)  # fmt: skip
_TESTS = ("defined", "undefined", "none", "string", "number", "mapping", "sequence", "in")


_OF_LOOPS = frozenset({"index", "index0", "first", "last", "length"})


class Misfit(Exception):
    """What is wrong with a template, or with what came of it: a sentence for its author."""


class _Environment(ImmutableSandboxedEnvironment):
    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return False  # fields of events are reached as items; nothing else has a name

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, LoopContext):
            return getattr(obj, attribute) if attribute in _OF_LOOPS else self.undefined(obj=obj, name=attribute)
        return self.getitem(obj, attribute)


def _joined(values: Any, by: str = ", ") -> str:
    return _bounded(by.join(str(value) for value in values))


def _as_json(value: Any) -> str:
    return _bounded(json.dumps(value, ensure_ascii=False, default=str))


def _bounded(text: str) -> str:
    if len(text) > MOST_LETTERS:
        raise Misfit(f"it gives more than {MOST_LETTERS} characters")
    return text


def _written(value: Any) -> Any:
    """Values as they come into a text: nothing for null, JSON for lists and objects."""
    if value is None:
        return ""
    return _as_json(value) if isinstance(value, dict | list | bool) else value


def _environment() -> _Environment:
    made = _Environment(finalize=_written, autoescape=False)
    made.filters = {**{name: FILTERS[name] for name in _TAKEN}, "join": _joined, "tojson": _as_json}
    made.tests = {name: made.tests[name] for name in _TESTS}
    made.globals = {}
    return made


_ENVIRONMENT = _environment()


def check(source: str) -> None:
    """Raises Misfit for what is no template, or says what templates may not."""
    _compiled(source)


def render(source: str, values: Mapping[str, Any]) -> str:
    """What the template gives for `values` of NAMES. Raises Misfit."""
    pieces: list[str] = []
    letters = 0
    try:
        for piece in _compiled(source).generate(**values, **{_ROUND: _Rounds()}):
            letters += len(piece)
            if letters > MOST_LETTERS:
                raise Misfit(f"it gives more than {MOST_LETTERS} characters")
            pieces.append(piece)
    except TemplateError as error:
        raise Misfit(str(error.message or error)) from error
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        raise Misfit(f"it does not fit the event: {str(error)[:200]}") from error
    return "".join(pieces)


class _Rounds:
    """Counts the rounds of one template's loops: each begins by writing this, which is nothing."""

    def __init__(self) -> None:
        self._count = 0

    def __str__(self) -> str:
        self._count += 1
        if self._count > MOST_ROUNDS:
            raise Misfit(f"it takes too long; its loops may go {MOST_ROUNDS} rounds")
        return ""


@lru_cache(maxsize=512)
def _compiled(source: str) -> Template:
    if len(source) > LONGEST:
        raise Misfit(f"a template has at most {LONGEST} characters")
    try:
        tree = _ENVIRONMENT.parse(source)
        _check(tree)
        for loop in list(tree.find_all(nodes.For)):
            loop.body.insert(0, nodes.Output([nodes.Name(_ROUND, "load", lineno=1)], lineno=1))
        tree.set_environment(_ENVIRONMENT)
        return _ENVIRONMENT.from_string(tree)
    except TemplateSyntaxError as error:
        raise Misfit(f"line {error.lineno}: {error.message}") from error
    except RecursionError as error:
        raise Misfit("it is nested too deeply") from error


def _check(tree: nodes.Template) -> None:
    known = NAMES | {"loop"} | {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    waiting: list[nodes.Node] = [tree]
    while waiting:
        node = waiting.pop()
        if type(node) not in _NODES:
            raise Misfit(f"{type(node).__name__.lower()} is not to be had in templates")
        if isinstance(node, nodes.Name) and node.ctx == "load" and node.name not in known:
            raise Misfit(f"there is no {node.name}; templates speak of {', '.join(sorted(NAMES))}")
        if isinstance(node, nodes.For) and (node.recursive or not _is_path(node.iter)):
            raise Misfit("a loop goes over a part of an event, such as event.data.criteria")
        waiting += node.iter_child_nodes()


def _is_path(node: nodes.Node) -> bool:
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        node = node.node
    return isinstance(node, nodes.Name)
