"""What an action becomes for a request: each of its texts filled in, safely for the place it stands in. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gateway.core.clock import now
from gateway.core.errors import Invalid
from gateway.core.templating import Sample, TemplateError, plain_text
from gateway.features.agents import trust

from . import shell_quoting, templates
from .requests import Headers, Received
from .templates import CLOSE, OPEN

SHELLS = frozenset({"bash", "sh", "dash", "zsh", "ksh"})

SHORT = 80
"""A value of so many characters on one line stands in a prompt as it is; a longer one between marks."""

_VALUE = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")

Context = Mapping[str, Any]


def context(hook_id: str, hook_name: str, received: Received, body: Any) -> dict[str, Any]:
    """What templates may speak of."""
    return {
        "body": body, "headers": Headers(received.headers), "query": dict(received.query),
        "hook": {"id": hook_id, "name": hook_name}, "received_at": received.at.isoformat().replace("+00:00", "Z"),
    }  # fmt: skip


def any_request(hook_name: str) -> dict[str, Any]:
    """Stands for every request there may be, to try templates before there is one."""
    return {
        "body": Sample("sample"), "headers": Sample("sample"), "query": Sample("sample"),
        "hook": {"id": "sample", "name": hook_name}, "received_at": now().isoformat(),
    }  # fmt: skip


def is_wanted(condition: str | None, about: Context) -> bool:
    """Whether the request is one that the hook acts on. Raises Invalid."""
    if condition is None:
        return True
    found = _at("condition", lambda: templates.value(condition, about))
    written = plain_text(found).strip().lower()
    return written not in ("", "false", "0", "no", "none", "[]", "{}")


def text(field: str, source: str, about: Context) -> str:
    """One text. Raises Invalid that names the field."""
    return str(_at(field, lambda: templates.text(source, about)))


def task(wish: Mapping[str, Any], about: Context) -> dict[str, Any]:
    """The fields of a task. Values are quoted in commands and scripts, and marked as outside content in prompts.

    Raises Invalid.
    """
    name = str(about["hook"]["name"])
    return {
        field: _filled(f"action.task.{field}", part, about, _way(field, wish, name)) for field, part in wish.items()
    }


def data(field: str, wish: Mapping[str, Any], about: Context) -> dict[str, Any]:
    """Any object, with the values as they are: numbers stay numbers. Raises Invalid."""
    return {name: _filled(f"{field}.{name}", part, about, None) for name, part in wish.items()}


def templated(wish: Any, path: str = "") -> Iterator[str]:
    """The dotted paths of all texts that are templates."""
    inside = wish.items() if isinstance(wish, dict) else enumerate(wish) if isinstance(wish, list) else ()
    for name, part in inside:
        yield from templated(part, f"{path}.{name}" if path else str(name))
    if isinstance(wish, str) and templates.is_template(wish):
        yield path


Way = Callable[[str], str]
"""What is made of a text whose values stand between marks."""


def _way(field: str, wish: Mapping[str, Any], hook_name: str) -> Way | None:
    if field == "commands":
        return shell_quoting.quoted
    if field == "script":
        script = wish.get("script")
        interpreter = script.get("interpreter", "bash") if isinstance(script, dict) else "bash"
        return shell_quoting.quoted if interpreter in SHELLS else _refuse_values
    if field in ("prompt", "acceptance_criteria"):
        return lambda marked: _VALUE.sub(lambda found: _for_a_model(hook_name, found[1]), marked)
    return None


def _for_a_model(hook_name: str, value: str) -> str:
    if len(value) <= SHORT and "\n" not in value:
        return value
    return f"\n{trust.marked(f'hook:{hook_name}', value)}\n"


def _refuse_values(marked: str) -> str:
    if OPEN in marked:
        raise TemplateError("values cannot be quoted for this interpreter; hand them over in env")
    return marked


def _filled(field: str, part: Any, about: Context, way: Way | None) -> Any:
    if isinstance(part, dict):
        return {name: _filled(f"{field}.{name}", inner, about, way) for name, inner in part.items()}
    if isinstance(part, list):
        return [_filled(f"{field}.{number}", inner, about, way) for number, inner in enumerate(part)]
    if not isinstance(part, str) or not templates.is_template(part):
        return part
    if way is not None:
        return _at(field, lambda: templates.unmarked(way(templates.marked(part, about))))
    found = _at(field, lambda: templates.value(part, about))
    if isinstance(found, Sample) or not field.startswith("action.task.") or isinstance(found, list | dict):
        return found
    return plain_text(found)


def _at(field: str, act: Callable[[], Any]) -> Any:
    try:
        return act()
    except TemplateError as error:
        raise Invalid.field(field, str(error), code="template_failed") from error
