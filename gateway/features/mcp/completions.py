"""Suggestions while a person fills in a prompt's argument or a resource's address: the caller's own things."""

import json
from collections.abc import Callable
from typing import Any

from gateway.core.http import inner

from .protocol import INVALID_PARAMS, Message, RpcError

MOST = 100
"""Values in one answer (specification, "Completion")."""

_FIXED = {
    ("schedule_work", "when"): (
        "every hour", "every day at 8:00", "every working day at 9:00", "every Monday at 9:00",
        "on the first of each month",
    ),
    ("what_happened", "since"): ("the last hour", "this morning", "yesterday", "Monday", "the first of this month"),
}  # fmt: skip


def suggested(message: Message) -> dict[str, Any]:
    """What the argument may be, newest first. Raises RpcError for what is no prompt or address of ours."""
    about, argument = message.params.get("ref"), message.params.get("argument")
    if not isinstance(about, dict) or not isinstance(argument, dict):
        raise RpcError(INVALID_PARAMS, "Send params.ref and params.argument.", to=message.id)
    name, begun = argument.get("name"), str(argument.get("value", "")).lower()
    target = (str(about.get("name") if about.get("type") == "ref/prompt" else about.get("uri")), str(name))
    if target in _FIXED:
        found = [value for value in _FIXED[target] if begun in value.lower()]
    elif target in _IDS:
        found = [id_ for id_, words in _IDS[target]() if id_.startswith(begun) or begun in words.lower()]
    elif about.get("type") in ("ref/prompt", "ref/resource"):
        found = []
    else:
        raise RpcError(INVALID_PARAMS, "params.ref.type: send ref/prompt or ref/resource.", to=message.id)
    return {"completion": {"values": found[:MOST], "total": len(found), "hasMore": len(found) > MOST}}


def _newest(path: str, words: str, **filters: str) -> list[tuple[str, str]]:
    """Ids of the newest of a list with what people know them by; none where the caller may not see it."""
    query = {"limit": "200", "fields": f"id,{words}", **filters}
    answer = inner.ask("GET", path, query=query)
    items = json.loads(answer.get_data())["items"] if answer.status_code == 200 else []
    return [(item["id"], item[words]) for item in items]


_IDS: dict[tuple[str, str], Callable[[], list[tuple[str, str]]]] = {
    ("explain_failure", "task_id"): lambda: _newest("/v1/tasks", "name", status="failed"),
    ("gateway://tasks/{id}/result", "id"): lambda: _newest("/v1/tasks", "name"),
    ("gateway://tasks/{id}/logs", "id"): lambda: _newest("/v1/tasks", "name"),
    ("gateway://artifacts/{id}", "id"): lambda: _newest("/v1/artifacts", "filename"),
}
