"""Operations read off an OpenAPI document (3.0 and 3.1), within bounds: names, modes, schemas, how each is asked."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .base import Mode, Operation
from .failure import ConnectorError
from .json_schema import SchemaRefused, harmless

MOST = 200
"""Operations that are taken from one document."""

METHODS: dict[str, Mode] = {"get": "read", "post": "send", "put": "send", "patch": "send", "delete": "admin"}
PLACES = ("path", "query", "header")
_COMPONENTS = "#/components/"


def operations_of(document: Mapping[str, Any]) -> tuple[Operation, ...]:
    """The operations of a document, the first of them where there are very many. Raises ConnectorError."""
    if not str(document.get("openapi", "")).startswith("3."):
        raise ConnectorError("That is no OpenAPI document of version 3.", code="unexpected_answer")
    made: dict[str, Operation] = {}
    for path, method, shared, described in _described(document):
        if len(made) == MOST:
            break
        name = _name(described.get("operationId") or f"{method}{path}", made)
        try:
            made[name] = _operation(
                document, name, path, method, [*shared, *described.get("parameters", [])], described
            )
        except (SchemaRefused, AttributeError, TypeError, KeyError, RecursionError):
            continue  # one that cannot be described cannot be offered; the others can
    if not made:
        raise ConnectorError("The document describes no operation that can be used.", code="unexpected_answer")
    return tuple(made.values())


def server_of(document: Mapping[str, Any]) -> str | None:
    """The first server that a document names by a whole address."""
    for server in document.get("servers") or []:
        url = server.get("url") if isinstance(server, dict) else None
        if isinstance(url, str) and url.startswith(("http://", "https://")) and "{" not in url:
            return url
    return None


def _described(document: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Any], dict[str, Any]]]:
    paths = document.get("paths")
    for path, item in (paths if isinstance(paths, dict) else {}).items():
        if not isinstance(item, dict):
            continue
        for method in METHODS:
            if isinstance(item.get(method), dict):
                yield str(path), method, list(item.get("parameters", [])), item[method]


def _operation(
    document: Mapping[str, Any], name: str, path: str, method: str, parameters: list[Any], described: dict[str, Any]
) -> Operation:
    properties: dict[str, Any] = {}
    required: list[str] = []
    places: dict[str, list[str]] = {place: [] for place in PLACES}
    for parameter in (_found(document, each) for each in parameters):
        key, place = str(parameter["name"]), parameter.get("in")
        if place not in PLACES:
            continue
        places[place].append(key)
        properties[key] = {"description": str(parameter.get("description", ""))[:500], **parameter.get("schema", {})}
        if parameter.get("required") or place == "path":
            required.append(key)
    body = _found(document, described.get("requestBody") or {})
    schema = _json_of(body.get("content"))
    if schema is not None:
        properties["body"] = schema
        if body.get("required"):
            required.append("body")
    taken = {
        "type": "object",
        "properties": properties,
        "required": sorted(set(required)),
        "additionalProperties": False,
    }
    answer = {"type": "object", "properties": {"status": {"type": "integer"}, "body": _answer(document, described)}}
    summary = str(described.get("summary") or name)[:120]
    return Operation(
        name, METHODS[method], summary, str(described.get("description") or summary)[:1000],
        harmless(_with_definitions(document, taken)), harmless(_with_definitions(document, answer)),
        {"method": method.upper(), "path": path, "places": places, "body": schema is not None},
    )  # fmt: skip


def _answer(document: Mapping[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    """What a good answer's body is like; anything where the document does not say."""
    for status, response in (described.get("responses") or {}).items():
        if str(status).startswith("2"):
            return _json_of(_found(document, response).get("content")) or {}
    return {}


def _json_of(content: Any) -> dict[str, Any] | None:
    for media_type, described in (content or {}).items():
        if media_type.partition(";")[0].strip().endswith("json"):
            schema = described.get("schema", {})
            return schema if isinstance(schema, dict) else {}
    return None


def _found(document: Mapping[str, Any], part: Any) -> dict[str, Any]:
    """A part, or what it refers to within the document."""
    for _ in range(5):
        if not isinstance(part, dict):
            raise SchemaRefused("a part has to be an object")
        reference = part.get("$ref")
        if reference is None:
            return part
        if not str(reference).startswith(_COMPONENTS):
            raise SchemaRefused("references lead within the document only")
        kind, _, name = str(reference).removeprefix(_COMPONENTS).partition("/")
        part = document["components"][kind][name]
    raise SchemaRefused("a reference leads in a circle")


def _with_definitions(document: Mapping[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with those of the document's that it refers to, directly or through others."""
    known = (document.get("components") or {}).get("schemas") or {}
    definitions: dict[str, Any] = {}
    waiting: list[str] = []
    made = _pointed_inside(schema, waiting)
    while waiting:
        name = waiting.pop()
        if name not in definitions and name in known:
            definitions[name] = _pointed_inside(known[name], waiting)
    return {**made, "$defs": definitions} if definitions else {**made}


def _pointed_inside(part: Any, names: list[str]) -> Any:
    """A copy whose references to the document's schemas lead to `$defs`; those are added to `names`."""
    if isinstance(part, list):
        return [_pointed_inside(each, names) for each in part]
    if not isinstance(part, dict):
        return part
    prefix = f"{_COMPONENTS}schemas/"
    reference = part.get("$ref")
    if isinstance(reference, str) and reference.startswith(prefix):
        names.append(reference.removeprefix(prefix))
        return {**part, "$ref": f"#/$defs/{reference.removeprefix(prefix)}"}
    return {name: _pointed_inside(each, names) for name, each in part.items()}


def _name(wish: str, taken: Mapping[str, object]) -> str:
    plain = (
        re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", wish).lower()).strip("_")[:60] or "operation"
    )
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    return name
