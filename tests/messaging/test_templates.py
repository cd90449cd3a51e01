"""Templates over events: they say what they are asked to, and nobody stops a node with one."""

import time
from typing import Any

import pytest

from gateway.core.templating import TemplateError
from gateway.features.messaging import templates
from gateway.features.messaging.templates import MOST_LETTERS

EVENT: dict[str, Any] = {
    "seq": 7, "name": "task.failed", "time": "2026-11-23T19:10:33Z", "actor": "ada", "tags": ["a", "b"],
    "data": {"name": "nightly", "error": {"message": "It broke."}, "criteria": ["one", "two"], "empty": None,
             "many": list(range(3000)), "items": "a field, not a method"},
}  # fmt: skip
VALUES: dict[str, Any] = {"event": EVENT, "events": [EVENT, EVENT], "count": 2, "title": "T", "severity": "error"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ event.data.name }}: {{ event.data.error.message }}", "nightly: It broke."),
        ("{{ event.data['name'] | upper }} {{ event.tags | join('+') }}", "NIGHTLY a+b"),
        ("{% for one in event.data.criteria %}{{ loop.index }}.{{ one }} {% endfor %}", "1.one 2.two "),
        ("{% if severity == 'error' and event.data.name %}!{% else %}.{% endif %}", "!"),
        ("{{ event.data.missing }}|{{ event.data.empty }}|{{ event.data.missing | default('none') }}", "||none"),
        ("{{ event.data.error }} {{ event.tags | tojson }}", '{"message": "It broke."} ["a", "b"]'),
        ("{% for each in events %}{{ each.data.name }} {% endfor %}of {{ count }}", "nightly nightly of 2"),
        ("{{ event.data.items }}", "a field, not a method"),
        ("{{ event.data.name | truncate(4, true, '…', 0) }} {{ 'error' in event.data }}", "nig… true"),
    ],
)
def test_a_template_says_what_it_is_asked_to(source: str, said: str) -> None:
    assert templates.render(source, VALUES) == said


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}", "{{ event.__class__ }}", "{{ event.data.name.format(event) }}",
        "{{ 'x' * 100000000 }}", "{{ 9 ** 9 ** 9 }}", "{{ '%1000000000d' % 1 }}", "{{ 'x'.ljust(1000000000) }}",
        "{% set x = event %}{{ x }}", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{% include 'x' %}",
        "{% import 'os' as os %}", "{{ config }}", "{{ self }}", "{{ cycler }}", "{{ lipsum() }}", "{{ range(9) }}",
        "{% for x in 'abc' %}{{ x }}{% endfor %}", "{% for x in event.tags recursive %}{{ loop(x) }}{% endfor %}",
        "{{ event | attr('__class__') }}", "{{ event | pprint }}", "{{ 'x' | center(100000000) }}",
        "{{ event.data.name ~ event.data.name }}", "{{ x", "{% for %}", "{{ [event]|map(attribute='x')|list }}",
    ],
)  # fmt: skip
def test_what_templates_may_not_say_is_refused_before_any_event(source: str) -> None:
    """Or it gives nothing: names with underscores are fields that no event has."""
    try:
        said = templates.render(source, VALUES)
    except TemplateError as misfit:
        said = "" if str(misfit) else "nothing was said about what is wrong"
    assert said == ""


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in event.data.many %}{% for b in event.data.many %}{% endfor %}{% endfor %}",
        "{% for a in event.data.many %}" + "{{ event.data.many | tojson }}" * 50 + "{% endfor %}",
        "{{ event.data.many | tojson }}" * 200,
    ],
)
def test_a_template_that_takes_too_much_ends_soon(source: str) -> None:
    began = time.monotonic()
    with pytest.raises(TemplateError, match=r"takes too long|more than"):
        templates.render(source, VALUES)
    assert time.monotonic() - began < 3
    assert MOST_LETTERS == 64 * 1024


def test_templates_are_short() -> None:
    with pytest.raises(TemplateError, match="at most"):
        templates.check("x" * (templates.LONGEST + 1))
