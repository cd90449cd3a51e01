"""Templates over a request: a small part of Jinja, in its sandbox, with bounds on what one may take.

What a template may say is a list of what is harmless (`_NODES`, `_FILTERS`, `_METHODS`): nothing in it can build up
memory, and loops are counted. Whoever writes one is a user of the gateway, but not one who may stop it for all.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from jinja2 import Template, TemplateSyntaxError, nodes
from jinja2.environment import TemplateExpression
from jinja2.exceptions import SecurityError, TemplateRuntimeError, UndefinedError
from jinja2.filters import FILTERS
from jinja2.runtime import LoopContext, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

NAMES = frozenset({"body", "headers", "query", "hook", "received_at"})
"""What a template may speak of."""

LONGEST = 16_000
MOST_LETTERS = 256 * 1024
MOST_ROUNDS = 10_000
MOST_S = 0.5

OPEN, CLOSE = "\ue000", "\ue001"
"""Stand around each value that comes into a text, so that it can be quoted for the place it stands in."""

_BUDGET = "_budget"
_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict,
    nodes.Pair, nodes.Keyword, nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Call,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.CondExpr, nodes.Concat,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.If, nodes.For,
)  # fmt: skip
_METHODS: dict[type, frozenset[str]] = {
    str: frozenset({"lower", "upper", "strip", "lstrip", "rstrip", "startswith", "endswith", "split", "removeprefix",
                    "removesuffix", "title", "capitalize", "isdigit", "find", "count"}),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"index", "count"}),
    LoopContext: frozenset({"index", "index0", "first", "last", "length"}),
}  # fmt: skip


class TemplateError(Exception):
    """What is wrong with a template, or with what it was given; a sentence for its author."""


class Sample(str):
    """Stands for anything in a request, so that a template can be tried before there is one."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        return iter((Sample("sample"),))


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


class Budget:
    """What is left of rounds and time for one template."""

    def __init__(self) -> None:
        self._rounds = 0
        self._until = time.monotonic() + MOST_S

    def __call__(self) -> str:
        self._rounds += 1
        if self._rounds > MOST_ROUNDS or time.monotonic() > self._until:
            raise TemplateError(f"it takes too long; a template may go {MOST_ROUNDS} rounds and half a second")
        return ""


_FIELDS = (dict, Sample, Missing)
"""What a dot leads into a field of."""


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "*", "%"})

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return any(isinstance(obj, kind) and attr in names for kind, names in _METHODS.items())

    def is_safe_callable(self, obj: Any) -> bool:
        is_method = any(isinstance(getattr(obj, "__self__", None), kind) for kind in _METHODS)
        return isinstance(obj, Budget | Sample) or is_method

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field of the request comes before a method of the same name."""
        return self._field(obj, attribute) if isinstance(obj, _FIELDS) else super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self._field(obj, argument) if isinstance(obj, _FIELDS) else super().getitem(obj, argument)

    def call(__self, __context: Any, __obj: Any, *args: Any, **options: Any) -> Any:  # noqa: N805 - as Jinja calls it
        return __obj if isinstance(__obj, Sample) else super().call(__context, __obj, *args, **options)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, Sample) or isinstance(right, Sample):
            return Sample("sample")
        if isinstance(left, Missing) or isinstance(right, Missing):
            return str(left) + str(right)
        if operator != "+" and not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise TemplateError(f"{operator} is for numbers only")
        if operator == "+" and isinstance(left, str) and len(left) + len(str(right)) > MOST_LETTERS:
            raise TemplateError(f"it gives more than {MOST_LETTERS} characters")
        return super().call_binop(context, operator, left, right)

    def _field(self, obj: Any, name: Any) -> Any:
        if isinstance(obj, Sample):
            return Sample("sample")
        if isinstance(obj, Missing):
            return obj[name]
        if name in obj:
            return obj[name]
        if isinstance(name, str) and name in _METHODS[dict]:
            return getattr(obj, name)
        return self.undefined(obj=obj, name=name)


def _written(value: Any) -> str:
    """A value as it comes into a text, between its marks."""
    if isinstance(value, Missing):
        return str(value)  # raises
    text = plain_text(value)
    return f"{OPEN}{text.replace(OPEN, '').replace(CLOSE, '')}{CLOSE}" if text else ""


def plain_text(value: Any) -> str:
    """A value as text: nothing for null, JSON for lists and objects."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool | dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _bounded(text: str) -> str:
    if len(text) > MOST_LETTERS:
        raise TemplateError(f"it gives more than {MOST_LETTERS} characters")
    return text


def _join(values: Iterable[Any], by: str = "", attribute: str | None = None) -> str:
    pieces, letters = [], 0
    for value in values:
        chosen = value.get(attribute, "") if attribute is not None and isinstance(value, dict) else value
        pieces.append(plain_text(chosen))
        letters += len(pieces[-1]) + len(by)
        if letters > MOST_LETTERS:
            raise TemplateError(f"it gives more than {MOST_LETTERS} characters")
    return by.join(pieces)


def _map(values: Iterable[Any], attribute: str, default: Any = "") -> list[Any]:
    return [
        value if isinstance(value, Sample) else value.get(attribute, default) if isinstance(value, dict) else default
        for value in values
    ]


def _replace(text: Any, old: str, new: str) -> str:
    whole = plain_text(text)
    if len(whole) + whole.count(old) * len(new) > MOST_LETTERS:
        raise TemplateError(f"it gives more than {MOST_LETTERS} characters")
    return whole.replace(old, new)


_TAKEN = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items", "last", "length",
    "list", "lower", "max", "min", "reverse", "round", "sort", "string", "sum", "title", "trim", "truncate", "unique",
    "upper", "urlencode",
)  # fmt: skip
_FILTERS: dict[str, Callable[..., Any]] = {
    **{name: FILTERS[name] for name in _TAKEN},
    "join": _join, "map": _map, "replace": _replace,
    "tojson": lambda value: _bounded(json.dumps(value, ensure_ascii=False)),
}  # fmt: skip
_TESTS = ("defined", "undefined", "none", "string", "number", "mapping", "sequence", "in", "true", "false", "boolean")


def _environment() -> _Environment:
    made = _Environment(undefined=Missing, finalize=_written, keep_trailing_newline=True, autoescape=False)
    made.filters = _FILTERS
    made.tests = {name: made.tests[name] for name in _TESTS}
    made.globals = {}
    return made


_ENVIRONMENT = _environment()


def check(source: str) -> None:
    """Raises TemplateError for what is no template, or says what templates may not."""
    _compiled(source)


def is_template(source: str) -> bool:
    """Whether a text says anything but itself."""
    return any(mark in source for mark in ("{{", "{%", "{#"))


def marked(source: str, context: Mapping[str, Any]) -> str:
    """The text, each value in it between OPEN and CLOSE. Raises TemplateError."""
    template, _ = _compiled(source)
    pieces, letters = [], 0
    budget = Budget()
    with _told():
        for piece in template.generate(**context, **{_BUDGET: budget}):
            budget()
            letters += len(piece)
            if letters > MOST_LETTERS:
                raise TemplateError(f"it gives more than {MOST_LETTERS} characters")
            pieces.append(piece)
    return "".join(pieces)


def text(source: str, context: Mapping[str, Any]) -> str:
    """The text. Raises TemplateError."""
    return marked(source, context).replace(OPEN, "").replace(CLOSE, "")


def value(source: str, context: Mapping[str, Any]) -> Any:
    """What the template's only expression is, where there is nothing else in it; the text otherwise.

    Raises TemplateError.
    """
    _, expression = _compiled(source)
    if expression is None:
        return text(source, context)
    with _told():
        found = expression(**context, **{_BUDGET: Budget()})
        if isinstance(found, Missing):
            str(found)  # raises, saying what is missing
    return list(found) if isinstance(found, tuple) else found


@contextmanager
def _told() -> Iterator[None]:
    """Whatever goes wrong in a template is its author's to know, in a sentence."""
    try:
        yield
    except TemplateError:
        raise
    except UndefinedError as error:
        raise TemplateError(str(error.message)) from error
    except (SecurityError, TemplateRuntimeError) as error:
        raise TemplateError(f"it may not do that: {error}") from error
    except (TypeError, ValueError, KeyError, IndexError, ArithmeticError, AttributeError, RecursionError) as error:
        raise TemplateError(f"it does not fit what was sent: {str(error)[:200]}") from error


@lru_cache(maxsize=512)
def _compiled(source: str) -> tuple[Template, TemplateExpression | None]:
    if len(source) > LONGEST:
        raise TemplateError(f"a template has at most {LONGEST} characters")
    if OPEN in source or CLOSE in source:
        raise TemplateError("U+E000 and U+E001 are not to be used in templates")
    try:
        tree = _ENVIRONMENT.parse(source)
        _check_tree(tree)
        tree.set_environment(_ENVIRONMENT)
        only = _only_expression(tree)
        for loop in list(tree.find_all(nodes.For)):
            tick = nodes.Call(nodes.Name(_BUDGET, "load", lineno=1), [], [], None, None, lineno=1)
            loop.body.insert(0, nodes.Output([tick], lineno=1))
        tree.set_environment(_ENVIRONMENT)
        return _ENVIRONMENT.from_string(tree), only
    except TemplateSyntaxError as error:
        raise TemplateError(f"line {error.lineno}: {error.message}") from error
    except RecursionError as error:
        raise TemplateError("it is nested too deeply") from error


def _only_expression(tree: nodes.Template) -> TemplateExpression | None:
    """The single expression that a template consists of, to be had as it is and not as text."""
    only = tree.body[0] if len(tree.body) == 1 else None
    if not isinstance(only, nodes.Output) or len(only.nodes) != 1 or isinstance(only.nodes[0], nodes.TemplateData):
        return None
    kept = nodes.Assign(nodes.Name("result", "store", lineno=1), only.nodes[0], lineno=1)
    alone = nodes.Template([kept], lineno=1)
    alone.set_environment(_ENVIRONMENT)
    return TemplateExpression(_ENVIRONMENT.from_string(alone), undefined_to_none=False)


def _check_tree(tree: nodes.Template) -> None:
    known = NAMES | {"loop"} | {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if type(node) not in _NODES:
            raise TemplateError(f"{type(node).__name__.lower()} is not to be had in templates here")
        if isinstance(node, nodes.Name) and node.ctx == "load" and node.name not in known:
            raise TemplateError(f"there is no {node.name}; templates speak of {', '.join(sorted(NAMES))}")
        if isinstance(node, nodes.For):
            depth += 1
            if depth > 3 or node.recursive:
                raise TemplateError("loops go three deep at most")
        waiting += [(child, depth) for child in node.iter_child_nodes()]
