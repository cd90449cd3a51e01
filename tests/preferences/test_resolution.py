"""Each rule of resolution, as a table: the entries that apply, and what counts, is masked, or is passed over."""

import random
import uuid
from typing import Any

import pytest

from gateway.features.preferences import keys
from gateway.features.preferences.resolution import Entry, resolve

IDS = {name: uuid.UUID(int=number) for number, name in enumerate(("task", "project", "user", "z-first", "z-second"), 1)}


def entry(
    scope: str, value: Any, *, key: str = "some.key", value_type: str | None = None, of: str | None = None
) -> Entry:
    """An entry; `group:name` is one of a group of that name."""
    scope_type, _, name = scope.partition(":")
    scope_id = IDS.get(of or scope_type) or (uuid.uuid5(uuid.NAMESPACE_DNS, name) if name else None)
    return Entry(scope_type, scope_id, name or None, key, value, value_type or keys.type_of(value), 1)


ALL = [entry(scope, scope) for scope in ("task", "project", "user", "group:admins", "system")]
WIDTH = "standards.markdown.line_length"

GOLDEN: dict[str, tuple[list[Entry], list[Any], list[str], list[str]]] = {
    "nothing applies": ([], [], [], []),
    "system alone": (ALL[4:], ["system"], [], []),
    "group over system": (ALL[3:], ["group:admins"], [], []),
    "user over group": (ALL[2:], ["user"], [], []),
    "project over user": (ALL[1:], ["project"], [], []),
    "task over project": (ALL, ["task"], [], []),
    "scopes between may be absent": ([ALL[0], ALL[4]], ["task"], [], []),
    "null masks what is further away": ([entry("user", None), *ALL[3:]], [], ["user"], []),
    "null masks nothing nearer": ([entry("system", None), ALL[2]], ["user"], [], []),
    "null at task masks all": ([entry("task", None), *ALL[1:]], [], ["task"], []),
    "null with nothing behind it": ([entry("project", None)], [], ["project"], []),
    "false, zero and empty are values": ([entry("user", False), ALL[4]], [False], [], []),
    "an empty list is a value": ([entry("user", []), ALL[4]], [[]], [], []),
    "objects are replaced, not merged": ([entry("user", {"a": 1}), entry("system", {"b": 2})], [{"a": 1}], [], []),
    "lists are replaced, not joined": ([entry("user", ["a"]), entry("system", ["b"])], [["a"]], [], []),
    "a value of the wrong type is passed over": (
        [entry("user", "80", key=WIDTH), entry("system", 100, key=WIDTH)], [100], [], ["user"],
    ),
    "a value out of range is passed over": (
        [entry("task", 8000, key=WIDTH), entry("group:admins", 100, key=WIDTH)], [100], [], ["task"],
    ),
    "a type that is not the value's is passed over": (
        [entry("project", "x", value_type="number"), ALL[4]], ["system"], [], ["project"],
    ),
    "an unknown type is passed over": ([entry("user", "x", value_type="colour"), ALL[4]], ["system"], [], ["user"]),
    "an invalid null masks nothing": ([entry("user", None, value_type="string"), ALL[4]], ["system"], [], ["user"]),
    "an invalid entry behind the deciding one is reported": (
        [entry("user", 100, key=WIDTH), entry("system", "wide", key=WIDTH)], [100], [], ["system"],
    ),
    "all invalid: no value": (
        [entry("user", "x", key=WIDTH), entry("system", 1, key=WIDTH)], [], [], ["user", "system"],
    ),
    "groups by name": ([entry("group:beta", 2), entry("group:alpha", 1), entry("group:gamma", 3)], [1], [], []),
    "groups of one name by id": (
        [entry("group:same", 2, of="z-second"), entry("group:same", 1, of="z-first")], [1], [], [],
    ),
    "the first group's null masks the others": (
        [entry("group:b", 2), entry("group:a", None), ALL[4]], [], ["group"], [],
    ),
    "an invalid entry of the first group leaves it to the next": (
        [entry("group:a", "x", key=WIDTH), entry("group:b", 90, key=WIDTH), entry("system", 80, key=WIDTH)],
        [90], [], ["group"],
    ),
    "each key by itself": (
        [entry("user", 1, key="b"), entry("system", 2, key="a"), entry("system", 3, key="b")], [2, 1], [], [],
    ),
    "unknown keys pass through": (
        [entry("user", {"deep": [1, None]}, key="my.own-key_2")], [{"deep": [1, None]}], [], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", GOLDEN)
def test_each_rule(rule: str) -> None:
    entries, values, masked, invalid = GOLDEN[rule]
    for _ in range(3):
        found = resolve(entries)
        assert [item.value for item in found.values] == values
        assert [item.scope_type for item in found.masked] == masked
        assert [misfit.entry.scope_type for misfit in found.invalid] == invalid
        assert all(misfit.reason for misfit in found.invalid)
        entries = random.sample(entries, len(entries))  # the order in which they are found changes nothing


def test_the_scope_that_a_value_comes_from_is_told() -> None:
    assert entry("group:admins", 1).where == "group scope (admins)"
    assert entry("user", 1).where == f"user scope ({IDS['user']})"
    assert entry("system", 1).where == "system scope"
