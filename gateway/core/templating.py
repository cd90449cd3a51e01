"""Templates that users write: a small part of Jinja, in its sandbox, with bounds on what one may take.

What a template may say is a list of what is harmless, chosen by whoever makes a `Templates`: nothing in it can build up
memory, loops are counted, what comes out is bounded. Whoever writes one cannot stop the gateway or a node with it.
"""

import json
import time
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

from jinja2 import Environment, Template, TemplateSyntaxError, Undefined, nodes, pass_environment
from jinja2.environment import TemplateExpression
from jinja2.exceptions import SecurityError, TemplateRuntimeError, UndefinedError
from jinja2.filters import FILTERS
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MOST_ROUNDS = 10_000
"""Rounds of all loops together."""

MOST_S = 0.5

MOST_MADE = 32 * 2**20
"""Letters of all that the steps of a template make, what is thrown away again included."""

ITEM = 16
"""Letters that an item of a list counts for."""

MOST_BITS = 14_000
"""Of both numbers of a calculation together: Python writes none of more than 4300 digits."""

FINEST = 100
"""Digits after, or with a minus before, the point to which a number can be rounded."""

OF_LOOPS: dict[type, frozenset[str]] = {LoopContext: frozenset({"index", "index0", "first", "last", "length"})}
"""What every template may ask of `loop`."""

_BUDGET = "_budget"

_STEPS = (nodes.Filter, nodes.Call, nodes.Compare, nodes.Add)
"""What takes time and memory in an expression, as much as what it is given is large; and slices, and `~`."""

_LISTS = (list, tuple, dict)


class TemplateError(Exception):
    """What is wrong with a template, or with what it was given; a sentence for its author."""


class Sample(str):
    """Stands for anything, so that a template can be tried before there is something to give it."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        return iter((Sample("sample"),))


@dataclass(frozen=True, kw_only=True)
class Language:
    """What the templates of one room may say, and how much.

    `methods` are those that may be called, by type; `loop_fault` says what is wrong with a loop that stands in so many
    others (from 1); `undefined` is what is there instead of what is missing; `written` makes text of a value.
    """

    names: frozenset[str]
    syntax: tuple[type[nodes.Node], ...]
    filters: Mapping[str, Callable[..., Any]]
    tests: tuple[str, ...]
    methods: Mapping[type, frozenset[str]]
    loop_fault: Callable[[nodes.For, int], str | None]
    undefined: type[Undefined]
    written: Callable[[Any], Any]
    longest: int
    most_letters: int

    def bounded(self, text: str) -> str:
        """The text. Raises TemplateError where it is too long."""
        if len(text) > self.most_letters:
            raise self.too_long()
        return text

    def too_long(self) -> TemplateError:
        """To be raised where a template gives too much."""
        return TemplateError(f"it gives more than {self.most_letters} characters")


def plain_text(value: Any) -> str:
    """A value as text: nothing for null, JSON for lists and objects."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool | dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def jinja_filters(*names: str) -> dict[str, Callable[..., Any]]:
    """Filters of Jinja's own, by name; `round` and `sum` without what would take any time and make any size."""
    bounded: dict[str, Callable[..., Any]] = {"round": _round, "sum": _sum}
    return {name: bounded.get(name, FILTERS[name]) for name in names}


def _round(value: Any, precision: Any = 0, method: Any = "common") -> Any:
    if isinstance(value, Sample):
        return value
    if not isinstance(precision, int) or abs(precision) > FINEST:
        raise TemplateError(f"round takes a whole number up to {FINEST} as its precision")
    return FILTERS["round"](value, precision, method)


@pass_environment
def _sum(environment: Environment, values: Any, attribute: Any = None, start: Any = 0) -> Any:
    if not isinstance(start, int | float):
        raise TemplateError("sum adds numbers, and begins with one")
    return FILTERS["sum"](environment, values, attribute, start)


class Templates:
    """Compiles and fills in the templates of one language."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._environment = _Environment(language)
        self._compiled = lru_cache(maxsize=512)(self._compile)

    def check(self, source: str) -> None:
        """Raises TemplateError for what is no template, or says what templates may not."""
        self._compiled(source)

    def render(self, source: str, context: Mapping[str, Any]) -> str:
        """What the template gives for a context with all the names. Raises TemplateError."""
        template, _ = self._compiled(source)
        pieces, letters = [], 0
        budget = _Budget()
        with _told():
            for piece in template.generate(**context, **{_BUDGET: budget}):
                budget.check_time()
                letters += len(piece)
                if letters > self._language.most_letters:
                    raise self._language.too_long()
                pieces.append(piece)
        return "".join(pieces)

    def value(self, source: str, context: Mapping[str, Any]) -> Any:
        """What the template's only expression is, where there is nothing else in it; the text otherwise.

        Raises TemplateError.
        """
        _, expression = self._compiled(source)
        if expression is None:
            return self.render(source, context)
        with _told():
            found = expression(**context, **{_BUDGET: _Budget()})
            if isinstance(found, tuple | Iterator | KeysView | ValuesView | ItemsView):
                found = list(found)
            json.dumps(found, allow_nan=False, default=_no_json)
        return found

    def _compile(self, source: str) -> tuple[Template, TemplateExpression | None]:
        if len(source) > self._language.longest:
            raise TemplateError(f"a template has at most {self._language.longest} characters")
        try:
            tree = self._environment.parse(source)
            self._check_tree(tree)
            _Counting().visit(tree)
            tree.set_environment(self._environment)
            only = self._only_expression(tree)
            for loop in list(tree.find_all(nodes.For)):
                loop.body.insert(0, nodes.Output([_counted()], lineno=1))
            tree.set_environment(self._environment)
            return self._environment.from_string(tree), only
        except TemplateSyntaxError as error:
            raise TemplateError(f"line {error.lineno}: {error.message}") from error
        except (RecursionError, SyntaxError) as error:  # Python knows bounds of its own for what Jinja makes
            raise TemplateError("it is nested too deeply") from error
        except (ValueError, ArithmeticError, MemoryError) as error:
            raise TemplateError(f"it is no template: {str(error)[:200]}") from error

    def _only_expression(self, tree: nodes.Template) -> TemplateExpression | None:
        """The single expression that a template consists of, to be had as it is and not as text."""
        only = tree.body[0] if len(tree.body) == 1 else None
        if not isinstance(only, nodes.Output) or len(only.nodes) != 1 or isinstance(only.nodes[0], nodes.TemplateData):
            return None
        kept = nodes.Assign(nodes.Name("result", "store", lineno=1), only.nodes[0], lineno=1)
        alone = nodes.Template([kept], lineno=1)
        alone.set_environment(self._environment)
        return TemplateExpression(self._environment.from_string(alone), undefined_to_none=False)

    def _check_tree(self, tree: nodes.Template) -> None:
        language = self._language
        known = language.names | {"loop"} | {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
        waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
        while waiting:
            node, depth = waiting.pop()
            if type(node) not in language.syntax:
                raise TemplateError(f"{type(node).__name__.lower()} is not to be had in templates here")
            if isinstance(node, nodes.Name) and (node.name not in known or node.name == _BUDGET):
                raise TemplateError(f"there is no {node.name}; templates speak of {', '.join(sorted(language.names))}")
            if isinstance(node, nodes.For):
                depth += 1
                if (fault := language.loop_fault(node, depth)) is not None:
                    raise TemplateError(fault)
            waiting += [(child, depth) for child in node.iter_child_nodes()]


class _Counting(NodeTransformer):
    """Has the budget look at what each step of an expression has made."""

    def visit(self, node: nodes.Node, *args: Any, **options: Any) -> Any:
        """The node as it is counted."""
        seen = super().visit(node, *args, **options)
        if isinstance(seen, nodes.Concat):
            return reduce(lambda left, right: _counted(nodes.Concat([left, right], lineno=seen.lineno)), seen.nodes)
        if isinstance(seen, nodes.Getitem):
            return _counted(seen) if isinstance(seen.arg, nodes.Slice) else seen
        return _counted(seen) if isinstance(seen, _STEPS) else seen


def _counted(*made: nodes.Expr) -> nodes.Call:
    """A call of the budget: with what was made, or for a round of a loop."""
    return nodes.Call(nodes.Name(_BUDGET, "load", lineno=1), [*made], [], None, None, lineno=1)


class _Budget:
    """What is left of rounds, time and memory for one template; it is called for each round and step."""

    def __init__(self) -> None:
        self._rounds = 0
        self._made = 0
        self._until = time.monotonic() + MOST_S

    def __call__(self, *made: Any) -> Any:
        self.check_time()
        if not made:
            self._rounds += 1
            if self._rounds > MOST_ROUNDS:
                raise self._spent()
            return ""
        [step] = made
        self._made += len(step) if isinstance(step, str) else ITEM * len(step) if isinstance(step, _LISTS) else 0
        if self._made > MOST_MADE:
            raise TemplateError("it makes too much of what it is given")
        return step

    def check_time(self) -> None:
        """Raises TemplateError once the time is over."""
        if time.monotonic() > self._until:
            raise self._spent()

    def _spent(self) -> TemplateError:
        return TemplateError(f"it takes too long; a template may go {MOST_ROUNDS} rounds and half a second")


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def __init__(self, language: Language) -> None:
        super().__init__(
            undefined=language.undefined, finalize=language.written, keep_trailing_newline=True, autoescape=False
        )
        self._language = language
        self.filters = dict(language.filters)
        self.tests = {name: self.tests[name] for name in language.tests}
        self.globals = {}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return any(isinstance(obj, kind) and attr in names for kind, names in self._language.methods.items())

    def is_safe_callable(self, obj: Any) -> bool:
        is_method = any(isinstance(getattr(obj, "__self__", None), kind) for kind in self._language.methods)
        return isinstance(obj, _Budget | Sample) or is_method

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field of what was given comes before a method of the same name."""
        return self._field(obj, attribute) if _has_fields(obj) else super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self._field(obj, argument) if _has_fields(obj) else super().getitem(obj, argument)

    def call(__self, __context: Any, __obj: Any, *args: Any, **options: Any) -> Any:  # noqa: N805 - as Jinja calls it
        return __obj if isinstance(__obj, Sample) else super().call(__context, __obj, *args, **options)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, Sample) or isinstance(right, Sample):
            return Sample("sample")
        if isinstance(left, Undefined) or isinstance(right, Undefined):
            return str(left) + str(right)
        if operator != "+" and not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise TemplateError(f"{operator} is for numbers only")
        if operator == "+" and isinstance(left, str) and len(left) + len(str(right)) > self._language.most_letters:
            raise self._language.too_long()
        if sum(each.bit_length() for each in (left, right) if isinstance(each, int)) > MOST_BITS:
            raise TemplateError("it calculates with numbers of too many digits")
        return super().call_binop(context, operator, left, right)

    def _field(self, obj: Any, name: Any) -> Any:
        if isinstance(obj, Sample):
            return Sample("sample")
        if isinstance(obj, Undefined):
            return obj[name]
        if name in obj:
            return obj[name]
        if isinstance(name, str) and name in self._language.methods.get(dict, ()):
            return getattr(obj, name)
        return self.undefined(obj=obj, name=name)


def _no_json(value: Any) -> str:
    """Raises what is wrong with a value that is no JSON."""
    if isinstance(value, Undefined):
        return str(value)  # raises where what is missing may not be, saying what it is
    raise TypeError(f"it gives a {type(value).__name__}, which is no value")


def _has_fields(obj: Any) -> bool:
    return isinstance(obj, dict | Sample | Undefined)


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
        raise TemplateError(f"it may not do that: {str(error)[:200]}") from error
    except RecursionError as error:
        raise TemplateError("what it was given is nested too deeply") from error
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, NameError, MemoryError) as error:
        raise TemplateError(f"it does not fit what it was given: {str(error)[:200]}") from error


def joined(values: Iterable[Any], by: str, most_letters: int) -> str:
    """Values as one text. Raises TemplateError before it becomes longer than `most_letters`."""
    pieces, letters = [], 0
    for value in values:
        pieces.append(plain_text(value))
        letters += len(pieces[-1]) + len(by)
        if letters > most_letters:
            raise TemplateError(f"it gives more than {most_letters} characters")
    return by.join(pieces)
