"""Which lists the API has, and what can be done with their items: as the OpenAPI document says."""

import re
from collections.abc import Mapping
from typing import Any

from flask import current_app, request
from werkzeug.exceptions import HTTPException

PAGED = {"items", "next_cursor"}
_LISTS = "known_lists"


def known(path: str) -> str | None:
    """The list at a path, as the document spells it; None for what is none."""
    try:
        rule, _ = current_app.create_url_adapter(request).match(path, "GET", return_rule=True)  # type: ignore[union-attr]
    except HTTPException:
        return None
    spelled = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
    return spelled if spelled in _lists() else None


def actions(spelled: str) -> dict[str, tuple[str, str]]:
    """What can be done with an item of the list and needs no more said: name → method and what follows its id."""
    found = {}
    item = re.compile(re.escape(spelled) + r"/\{\w+\}(/(\w+))?")
    for path, operations in _document()["paths"].items():
        if (match := item.fullmatch(path)) is None:
            continue
        tail, name = match.groups()
        if name and "requestBody" not in operations.get("post", {"requestBody": {}}):
            found[name] = ("POST", tail)
        elif not name and "delete" in operations:
            found["delete"] = ("DELETE", "")
    return found


def _lists() -> set[str]:
    """The paths of the document whose answers are pages; found once, routes stay as they are."""
    found: set[str] | None = current_app.extensions.get(_LISTS)
    if found is None:
        document = _document()
        schemas = document.get("components", {}).get("schemas", {})
        found = {path for path, item in document["paths"].items() if _is_paged(item.get("get", {}), schemas)}
        current_app.extensions[_LISTS] = found
    return found


def _document() -> dict[str, Any]:
    return current_app.extensions["api_document"].get().document  # type: ignore[no-any-return]


def _is_paged(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> bool:
    content = operation.get("responses", {}).get("200", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    schema = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
    return bool(schema.get("properties", {}).keys() >= PAGED)
