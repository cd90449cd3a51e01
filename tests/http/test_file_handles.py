"""File handles come only from uploads: whatever path is written into whatever field, no file of the host is read."""

import copy
import itertools
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from tests.conftest import LiveGateway
from tests.http.bodies import body_of, path_of
from tests.http.callers import Database, database_of, new_person
from tests.http.searching import dump_of, files_with
from tests.http.things import things_of

Place = tuple[str | int, ...]
"""Where a field stands in a body: names, and 0 for the first of a list."""


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file of the host that the gateway could read."""
    file = tmp_path / "canary.txt"
    file.write_text(f"canary-{uuid.uuid4().hex}\n")
    return file


@pytest.fixture(scope="module")
def records(spare_gateway: LiveGateway) -> Iterator[Database]:
    with database_of(spare_gateway) as found:
        yield found


def ways(file: Path) -> list[str]:
    """Ways to write a path."""
    up = "../" * 24 + str(file)[1:]
    return [
        str(file), f"file://{file}", up, f"artifacts/{up}", f"/proc/self/root{file}", f"file://localhost{file}",
        f"{file}#.png", f"@{file}", f"http://127.0.0.1:9/{up}", up.replace("/", "%2f"), f"{{{{ include '{file}' }}}}",
        f"$(cat {file})",
    ]  # fmt: skip


def fields(document: dict[str, Any], schema: dict[str, Any], at: Place = (), depth: int = 0) -> Iterator[Place]:
    """The fields of a body that take text, in all its variants; in an object of any names, three that tempt."""
    if depth > 10:
        return
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for variant in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from fields(document, variant, at, depth + 1)
    kind = schema.get("type")
    if kind == "array":
        yield from fields(document, schema.get("items", {}), (*at, 0), depth + 1)
    elif kind == "object" or "properties" in schema:
        for name, field in schema.get("properties", {}).items():
            yield from fields(document, field, (*at, name), depth + 1)
        if schema.get("additionalProperties", False) is not False:
            yield from ((*at, name) for name in ("path", "file", "url"))
    elif (kind or "string") == "string" and not {"anyOf", "oneOf", "allOf", "enum", "const"} & schema.keys():
        yield at


def with_field(body: dict[str, Any], at: Place, value: str) -> Any:
    """The body with a value in a place that is made where it is not there."""
    if not at:
        return value
    whole: dict[str, Any] = copy.deepcopy(body)
    inside: Any = whole
    for step, following in itertools.pairwise(at):
        fresh: Any = [None] if following == 0 else {}
        if isinstance(step, str):
            fits = isinstance(inside.get(step), list if following == 0 else dict) and inside[step] != []
            inside[step] = inside[step] if fits else fresh
        else:
            inside[step] = inside[step] if isinstance(inside[step], type(fresh)) else fresh
        inside = inside[step]
    inside[at[-1]] = value
    return whole


def test_file_handles_come_only_from_uploads_whatever_path_stands_in_a_body(
    spare_gateway: LiveGateway, quick_model: None, records: Database, app: Flask, canary: Path
) -> None:
    gateway, content = spare_gateway, canary.read_text().strip()
    holder = new_person(gateway, f"h-{uuid.uuid4().hex[:8]}")
    things = things_of(gateway, records, holder, f"handles-{uuid.uuid4().hex[:8]}")
    document = gateway.call("GET", "/openapi.json").json()
    every, leaks, bodies, turn = ways(canary), [], set(), itertools.count()
    for rule, method, operation in _operations(app, document):
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body, path = body_of(rule.endpoint, things), path_of(app, rule, method, things)
        for place in sorted(set(fields(document, schema)), key=str):
            way = every[next(turn) % len(every)]
            bodies.add((rule.endpoint, place))
            for wish in _wishes(body, place, way):
                answer = gateway.call(method, path, json=wish)
                if content in answer.text or answer.status_code == 500:
                    leaks.append((method, path, wish, answer.status_code, answer.text[:300]))
                if answer.status_code != 422:
                    break
    assert leaks == []
    assert len(bodies) > 300, "every body was found"
    while left := gateway.unfinished():
        for task in left:
            if task["requires"]:  # no node has a path as its label
                gateway.call("POST", f"/v1/tasks/{task['id']}/cancel")
        gateway.wait(left[0]["id"])
    dump = dump_of(gateway)
    assert content not in dump
    assert str(canary) in dump, "what was sent is found where it was kept"
    assert [
        place for place in ("artifacts", "work", "logs") if files_with(gateway.data_dir / place, content.encode())
    ] == []


def _operations(app: Flask, document: dict[str, Any]) -> Iterator[tuple[Rule, str, dict[str, Any]]]:
    """Each route that takes a JSON body, as the document has it."""
    for rule in app.url_map.iter_rules():
        path = "".join(f"{{{part.partition(':')[2] or part}}}" if is_name else part for is_name, part in _parts(rule))
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            operation = document["paths"].get(path, {}).get(method.lower(), {})
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                yield rule, method, operation


def _parts(rule: Rule) -> Iterator[tuple[bool, str]]:
    for number, part in enumerate(rule.rule.replace(">", "<").split("<")):
        yield number % 2 == 1, part


def _wishes(body: dict[str, Any], place: Place, way: str) -> Iterator[Any]:
    """The usual body with the path in it, and, where the field is another choice, the path alone."""
    yield with_field(body, place, way)
    if place and place[0] not in body:
        yield with_field({}, place, way)
