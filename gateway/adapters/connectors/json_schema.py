"""JSON Schemas of operations: values held to them, and those that come from outside made harmless first.

A schema of a server's may hold a pattern that takes years to match, or point at another server: neither is kept.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

MOST_NODES = 4_000
DEEPEST = 40
_LEFT_OUT = frozenset({
    "pattern", "patternProperties", "format", "$id", "$schema", "$anchor", "$dynamicRef", "$dynamicAnchor",
    "$vocabulary", "contentMediaType", "example", "examples", "xml", "externalDocs", "discriminator",
})  # fmt: skip
_NAMED = frozenset({"properties", "$defs", "dependentSchemas"})
"""Keywords below which names stand that are the author's own."""


class SchemaRefused(Exception):
    """A schema that cannot be used, in a sentence."""


def problems(schema: Mapping[str, Any], value: Any) -> Iterator[tuple[str, str]]:
    """Where a value does not fit and why, the first few; an endless schema is a problem, too."""
    try:
        for count, error in enumerate(Draft202012Validator(schema).iter_errors(value)):
            if count == 10:
                return
            yield ".".join(str(part) for part in error.absolute_path), error.message[:300]
    except RecursionError:
        yield "", "it is nested too deeply to be checked"


def harmless(schema: Any) -> dict[str, Any]:
    """A copy of a schema from outside, without what could take for ever or lead elsewhere. Raises SchemaRefused."""
    left = [MOST_NODES]
    made = _copied(schema, 0, left, named=False)
    if not isinstance(made, dict):
        raise SchemaRefused("a schema has to be an object")
    try:
        Draft202012Validator.check_schema(made)
    except (SchemaError, RecursionError) as error:
        raise SchemaRefused("it is no JSON Schema") from error
    return made


def _copied(part: Any, depth: int, left: list[int], *, named: bool) -> Any:
    left[0] -= 1
    if depth > DEEPEST or left[0] < 0:
        raise SchemaRefused(f"a schema may have {MOST_NODES} parts, nested {DEEPEST} deep")
    if isinstance(part, list):
        return [_copied(each, depth + 1, left, named=False) for each in part]
    if not isinstance(part, dict):
        return part
    if named:
        return {str(name): _copied(each, depth + 1, left, named=False) for name, each in part.items()}
    kept = {name: each for name, each in part.items() if name not in _LEFT_OUT and not name.startswith("x-")}
    if "$ref" in kept and not str(kept["$ref"]).startswith("#/$defs/"):
        return {}
    made = {
        name: each if name in ("enum", "const", "default") else _copied(each, depth + 1, left, named=name in _NAMED)
        for name, each in kept.items()
    }
    return _without_nullable(made)


def _without_nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI 3.0's `nullable` and its boolean bounds, in the words of JSON Schema."""
    if schema.pop("nullable", False) is True:
        kind = schema.get("type")
        if isinstance(kind, str):
            schema["type"] = [kind, "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    for name, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(schema.get(name), bool):
            is_exclusive = schema.pop(name)
            if is_exclusive and bound in schema:
                schema[name] = schema.pop(bound)
    return schema
