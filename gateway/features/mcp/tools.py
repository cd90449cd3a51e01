"""The tools: routes of the API by a name that a model can choose by, with schemas made from the OpenAPI document.

A tool of a route that this gateway does not have is left out, and so is one that its caller may not use at all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

JSON, PROBLEM = "application/json", "application/problem+json"
SCHEMAS = "#/components/schemas/"

REFUSAL = {
    "title": "Problem", "type": "object", "required": ["status", "code", "detail"],
    "properties": {"status": {"type": "integer"}, "code": {"type": "string"}, "detail": {"type": "string"}},
}  # fmt: skip
"""What a tool answers that is refused (RFC 9457)."""


@dataclass(frozen=True)
class Tool:
    """A route as a tool; `action` is what its caller must be allowed somewhere, `words` say more than its summary."""

    name: str
    method: str
    path: str
    action: str
    words: str = ""


def _read(name: str, path: str, action: str, words: str = "") -> Tool:
    return Tool(name, "GET", f"/v1/{path}", action, words)


def _post(name: str, path: str, action: str, words: str = "") -> Tool:
    return Tool(name, "POST", f"/v1/{path}", action, words)


TOOLS = (
    _post(
        "create_task", "tasks", "tasks.create",
        "Give exactly one of prompt (carried out by an agent), script, or commands (run in a sandbox). Answers at once;"
        " read the outcome with get_task_result, or use run_task to wait for it.",
    ),
    _read("list_tasks", "tasks", "tasks.read", "Newest first."),
    _read("get_task", "tasks/{id}", "tasks.read"),
    Tool("update_task", "PATCH", "/v1/tasks/{id}", "tasks.update"),
    _post("cancel_task", "tasks/{id}/cancel", "tasks.cancel"),
    _post("retry_task", "tasks/{id}/retry", "tasks.retry"),
    Tool("delete_task", "DELETE", "/v1/tasks/{id}", "tasks.delete"),
    _read("get_task_result", "tasks/{id}/result", "tasks.read"),
    _read("get_task_logs", "tasks/{id}/logs", "tasks.read"),
    _read("get_task_history", "tasks/{id}/history", "tasks.read"),
    _read("list_task_artifacts", "tasks/{id}/artifacts", "tasks.read"),
    _read("list_questions", "questions", "questions.read", "What agents at work ask their user."),
    _post("answer_question", "questions/{id}/answer", "questions.answer"),
    _read("list_schedules", "schedules", "schedules.read"),
    _post("create_schedule", "schedules", "schedules.create"),
    _read("get_schedule", "schedules/{id}", "schedules.read"),
    Tool("update_schedule", "PATCH", "/v1/schedules/{id}", "schedules.update"),
    Tool("delete_schedule", "DELETE", "/v1/schedules/{id}", "schedules.delete"),
    _post("enable_schedule", "schedules/{id}/enable", "schedules.update"),
    _post("disable_schedule", "schedules/{id}/disable", "schedules.update"),
    _post("run_schedule", "schedules/{id}/run", "schedules.run"),
    _post("skip_next_run", "schedules/{id}/skip_next", "schedules.update"),
    _read("list_schedule_runs", "schedules/{id}/runs", "schedules.read"),
    _read("list_upcoming_runs", "schedules/{id}/upcoming", "schedules.read"),
    _post("preview_schedule", "schedules/preview", "schedules.read"),
    _read("list_sessions", "sessions", "sessions.read"),
    _post("create_session", "sessions", "sessions.create"),
    _read("get_session", "sessions/{id}", "sessions.read"),
    _read("list_session_runs", "sessions/{id}/runs", "sessions.read"),
    _read("list_runs", "runs", "runs.read"),
    _read("get_run", "runs/{id}", "runs.read"),
    _read("get_run_logs", "runs/{id}/logs", "runs.read"),
    _read("get_job", "jobs/{id}", "runs.read"),
    _read("explain_placement", "jobs/{id}/placement", "runs.read"),
    _read("get_queue", "queue", "queue.read"),
    _read("list_artifacts", "artifacts", "artifacts.read"),
    _read("get_artifact", "artifacts/{id}", "artifacts.read", "Its bytes are the resource gateway://artifacts/{id}."),
    Tool("delete_artifact", "DELETE", "/v1/artifacts/{id}", "artifacts.delete"),
    _read("list_connector_types", "connectors/catalog", "connectors.read"),
    _read("list_connectors", "connectors", "connectors.read"),
    _read("get_connector", "connectors/{id}", "connectors.read"),
    _post("invoke_connector", "connectors/{id}/operations/{name}", "connectors.read_op"),
    _read("list_connector_operations", "connectors/{id}/operations", "connectors.read"),
    _read("list_preferences", "preferences", "preferences.read"),
    _read("get_effective_preferences", "preferences/effective", "preferences.read"),
    Tool("set_preference", "PUT", "/v1/preferences/{scope_type}/{scope_id}/{key}", "preferences.write"),
    Tool("delete_preference", "DELETE", "/v1/preferences/{scope_type}/{scope_id}/{key}", "preferences.delete"),
    _read("list_models", "models", "models.read"),
    _post("complete_chat", "chat/completions", "models.use", "The model `orchestrator` can create and run tasks."),
    _read("list_chat_threads", "chat/threads", "threads.read"),
    _read("list_chat_messages", "chat/threads/{id}/messages", "threads.read"),
    _read("search_chat_messages", "chat/messages", "threads.read"),
    _read("list_projects", "projects", "projects.read"),
    _read("list_events", "events", "events.read", "Oldest first."),
    _read("list_nodes", "nodes", "nodes.read"),
    _read("get_capabilities", "capabilities", "capabilities.read"),
)  # fmt: skip


@dataclass(frozen=True)
class Offered:
    """A tool whose route is there: how a client sees it, and where each argument goes."""

    tool: Tool
    shown: dict[str, Any]
    in_path: tuple[str, ...]
    in_query: tuple[str, ...]
    in_body: tuple[str, ...]


def offered(document: Mapping[str, Any]) -> dict[str, Offered]:
    """The tools whose routes the OpenAPI document has, by name."""
    schemas = document.get("components", {}).get("schemas", {})
    found = {}
    for tool in TOOLS:
        operation = document["paths"].get(tool.path, {}).get(tool.method.lower())
        if operation is not None:
            found[tool.name] = _offer(tool, operation, schemas)
    return found


def _offer(tool: Tool, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Offered:
    parameters = [each for each in operation.get("parameters", []) if each["in"] in ("path", "query")]
    properties = {each["name"]: _described(each) for each in parameters}
    required = [each["name"] for each in parameters if each.get("required")]
    body = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema", {})
    if "$ref" in body:
        body = schemas[body["$ref"].removeprefix(SCHEMAS)]
    fields = {name: field for name, field in body.get("properties", {}).items() if name not in properties}
    schema = {"type": "object", "properties": properties | fields, "additionalProperties": False}
    if required := [*required, *(name for name in body.get("required", []) if name in fields)]:
        schema["required"] = required
    if body.get("additionalProperties") is not False and fields:
        del schema["additionalProperties"]
    is_read = tool.method == "GET"
    shown: dict[str, Any] = {
        "name": tool.name,
        "title": operation["summary"],
        "description": f"{operation['summary']}. {tool.words}".strip(),
        "inputSchema": self_contained(schema, schemas),
        "annotations": {
            "readOnlyHint": is_read,
            "destructiveHint": tool.method == "DELETE",
            "idempotentHint": tool.method in ("GET", "PUT", "DELETE"),
            "openWorldHint": tool.name in ("invoke_connector", "complete_chat"),
        },
    }
    if (answers := _answers(operation, schemas)) is not None:
        shown["outputSchema"] = answers
    where = {sort: tuple(each["name"] for each in parameters if each["in"] == sort) for sort in ("path", "query")}
    return Offered(tool, shown, where["path"], where["query"], tuple(fields))


def _answers(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema of a tool's structured content: what its route answers, or the problem it refuses with.

    None where the route describes no JSON of its own, or is OpenAI's to describe. Items of a list may have been cut to
    chosen `fields`.
    """
    if PROBLEM not in operation["responses"].get("default", {}).get("content", {}):
        return None
    described = [
        answer["content"][JSON]["schema"]["$ref"]
        for status, answer in operation.get("responses", {}).items()
        if status.startswith("2") and "$ref" in answer.get("content", {}).get(JSON, {}).get("schema", {})
    ]
    if not described:
        return None
    choices = [_loosened(schemas[name.removeprefix(SCHEMAS)], schemas) for name in dict.fromkeys(described)]
    return self_contained({"type": "object", "anyOf": [*choices, REFUSAL]}, schemas)


def _loosened(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """A page whose items need not have all their fields; any other schema as it is."""
    properties = schema.get("properties", {})
    reference = properties.get("items", {}).get("items", {}).get("$ref")
    if "next_cursor" not in properties or reference is None:
        return schema
    item = {name: value for name, value in schemas[reference.removeprefix(SCHEMAS)].items() if name != "required"}
    return {**schema, "properties": {**properties, "items": {**properties["items"], "items": item}}}


def _described(parameter: Mapping[str, Any]) -> dict[str, Any]:
    words = {"description": parameter["description"]} if parameter.get("description") else {}
    return {**parameter.get("schema", {}), **words}


def self_contained(schema: dict[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with all it refers to under `$defs`: a client has no other document to look in."""
    needed: dict[str, Any] = {}
    waiting = list(_references(schema))
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = _repointed(schemas[name])
            waiting += _references(schemas[name])
    schema = _repointed(schema)
    return {**schema, "$defs": needed} if needed else schema


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(reference := value.get("$ref"), str) and reference.startswith(SCHEMAS):
            yield reference.removeprefix(SCHEMAS)
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _repointed(value: Any) -> Any:
    if isinstance(value, Mapping):
        if isinstance(fields := value.get("properties"), Mapping):
            value = {**value, "properties": {name: _typed(field) for name, field in fields.items()}}
        return {
            key: f"#/$defs/{item.removeprefix(SCHEMAS)}"
            if key == "$ref" and isinstance(item, str)
            else _repointed(item)
            for key, item in value.items()
        }
    return [_repointed(item) for item in value] if isinstance(value, list) else value


ANYTHING = [{"type": kind} for kind in ("null", "boolean", "number", "string", "array", "object")]


def _typed(field: Any) -> Any:
    """A field that may hold anything says so by all types, one in each branch: some clients take a field without a type
    for a mistake, and others know no list of types."""
    if isinstance(field, Mapping) and not field.keys() & {"type", "$ref", "anyOf", "allOf", "oneOf", "enum", "const"}:
        return {**field, "anyOf": ANYTHING}
    return field
