"""Every list of the API takes the same words: which fields, in which order, how many there are."""

import re
import uuid
from typing import Any

import pytest

from gateway.core.paging import AS_MADE
from tests.conftest import LiveGateway
from tests.http.callers import Database, assert_problem, new_person
from tests.http.things import named_by, things_of

WORDS = {"limit", "cursor", "fields", "sort", "count"}
NEEDED = {"/v1/chat/messages": {"q": "words"}}
BY_KEY = {"/v1/settings": "key"}
"""Lists whose items were not made one after the other."""


@pytest.fixture(scope="module")
def lists(live_gateway: LiveGateway) -> dict[str, set[str]]:
    """The paths of all lists, each with the parameters that it takes."""
    document = live_gateway.call("GET", "/openapi.json").json()
    found = {}
    for path, item in document["paths"].items():
        content = item.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        name = content.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
        if "next_cursor" in document["components"]["schemas"].get(name, {}).get("properties", {}):
            found[path] = {parameter["name"] for parameter in item["get"]["parameters"]}
    return found


@pytest.fixture(scope="module")
def things(live_gateway: LiveGateway, database: Database) -> dict[str, str]:
    """Something in as many lists as possible."""
    handle = f"lister-{uuid.uuid4().hex[:8]}"
    return things_of(live_gateway, database, new_person(live_gateway, handle), handle)


def test_every_list_takes_the_same_words(lists: dict[str, set[str]]) -> None:
    assert len(lists) > 40
    assert {path: WORDS - taken for path, taken in lists.items() if WORDS - taken} == {}


def test_every_list_is_sorted_counted_and_cut_to_fields(
    live_gateway: LiveGateway, lists: dict[str, set[str]], things: dict[str, str]
) -> None:
    filled = 0
    for path in lists:
        look = _Looker(live_gateway, _address(path, things), NEEDED.get(path, {}))
        refusal = look.refused(sort="no_such_column")
        sorts = re.findall(r"[a-z_]+", refusal.partition("sorted by ")[2].partition(", or ")[0])
        assert sorts[0] == BY_KEY.get(path, AS_MADE), path
        for sort in sorts:
            _check_order(look, sort)
        assert "no_such_field is none" in look.refused(fields="no_such_field"), path
        counted = look.page(count="true", limit=200)
        assert counted["next_cursor"] or counted["count"] == len(counted["items"]), path
        if counted["items"]:
            filled += 1
            first, second = list(counted["items"][0])[:2]
            assert {tuple(item) for item in look.page(fields=f"{second},{first}")["items"]} <= {(first, second)}, path
    assert filled > len(lists) / 2


def test_a_cursor_belongs_to_its_order(live_gateway: LiveGateway) -> None:
    cursor = live_gateway.call("GET", "/v1/roles?limit=1&sort=name").json()["next_cursor"]
    assert live_gateway.call("GET", f"/v1/roles?limit=1&sort=-name&cursor={cursor}").status_code == 200
    assert_problem(live_gateway.call("GET", f"/v1/roles?limit=1&cursor={cursor}"), 422, field="cursor")


class _Looker:
    """Asks for one list."""

    def __init__(self, gateway: LiveGateway, path: str, needed: dict[str, str]) -> None:
        self.gateway, self.path, self.needed = gateway, path, needed

    def page(self, **query: Any) -> dict[str, Any]:
        """The answer's body."""
        answer = self.gateway.call("GET", self.path, params={**self.needed, **query})
        assert answer.status_code == 200, (self.path, query, answer.text)
        return answer.json()  # type: ignore[no-any-return]

    def refused(self, **query: Any) -> str:
        """The detail of a refusal, or nothing when the list was answered."""
        answer = self.gateway.call("GET", self.path, params={**self.needed, **query})
        return str(answer.json().get("detail", ""))


def _check_order(look: _Looker, sort: str) -> None:
    """Up is down reversed, and so page by page. The audit record and the event log grow meanwhile, at one end."""
    up, down = look.page(sort=sort, limit=200), look.page(sort=f"-{sort}", limit=200)
    for items, wanted in ((up["items"], False), (down["items"], True)):
        keys = [[item[name] for item in items] for name in ("id", "seq") if items and name in items[0]]
        if sort == AS_MADE and keys:
            assert any(each == sorted(each, reverse=wanted) for each in keys), (look.path, sort)
    if up["next_cursor"] is None and down["next_cursor"] is None:
        rising = _named(up)
        assert [each for each in _named(down)[::-1] if each in rising] == rising, (look.path, sort)
    first = look.page(sort=sort, limit=1)
    if first["next_cursor"]:
        second = look.page(sort=sort, limit=1, cursor=first["next_cursor"])
        assert _named(first) + _named(second) == _named(up)[:2], (look.path, sort)


def _named(page: dict[str, Any]) -> list[Any]:
    """What the items of a page are known by, where they have ids: a node's load changes from look to look."""
    return [item.get("id", item) for item in page["items"]]


def _address(path: str, things: dict[str, str]) -> str:
    parts = path.split("/")
    for place, part in enumerate(parts):
        if part.startswith("{"):
            parts[place] = named_by(things, parts[:place]) if part == "{id}" else things[part.strip("{}")]
    return "/".join(parts)
