"""Makes the Python client from the OpenAPI document: `python packaging/make_client.py [FOLDER]`, else `dist/client`.

Shapes become TypedDicts and routes methods; what they share is written by hand, in `packaging/client/`. Nothing that is
made is kept in the repository, so that it cannot fall behind the code it is made from.
"""

import keyword
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "packaging" / "client"
JSON = "application/json"
SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}

HEAD = '"""Made from the OpenAPI document by packaging/make_client.py; make it anew instead of changing it."""\n\n'


def main() -> int:
    """Writes the package; returns the exit code."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist" / "client"
    sys.path.insert(0, str(ROOT))
    make(folder)
    print(folder)
    return 0


def make(folder: Path) -> None:
    """The whole package, in place of an earlier one."""
    document, names = described()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    package = folder / "gateway_client"
    (package / "shapes.py").write_text(HEAD + "\n".join(shapes(document)), "utf-8")
    (package / "routes.py").write_text(HEAD + "\n".join(routes(document, names)), "utf-8")


def described() -> tuple[dict[str, Any], dict[tuple[str, str], str]]:
    """The document, and the name of each operation by method and path: that of its view, as far as that is unique."""
    from gateway.application import create_app
    from gateway.core.config import Config
    from gateway.core.data_dir import DataDir

    with tempfile.TemporaryDirectory() as scratch:
        data_dir = DataDir(Path(scratch))
        data_dir.prepare()
        app = create_app(Config(data_dir=data_dir.path), "postgresql://localhost/none")
        document: dict[str, Any] = app.api_doc
        found: dict[tuple[str, str], str] = {}
        for rule in app.url_map.iter_rules():
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            found |= {(method, path): rule.endpoint for method in rule.methods or ()}
    views = Counter(endpoint.rpartition(".")[2] for endpoint in set(found.values()))
    return document, {
        place: view if views[view := endpoint.rpartition(".")[2]] == 1 else endpoint.replace(".", "_")
        for place, endpoint in found.items()
    }


def shapes(document: Mapping[str, Any]) -> Iterator[str]:
    """A TypedDict for each schema; pages are generic."""
    yield "from __future__ import annotations\n"
    yield "from typing import Any, Literal, NotRequired, TypedDict\n"
    for name, schema in document["components"]["schemas"].items():
        if not name.startswith("Page_"):
            yield from _shape(name, schema)


def _shape(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    if "properties" not in schema:
        yield f"{name} = {typed(schema, quoted=True)}\n"
        return
    required = set(schema.get("required", ()))
    fields = {
        field: typed(each, prefix="") if field in required else f"NotRequired[{typed(each, prefix='')}]"
        for field, each in schema["properties"].items()
    }
    if all(field.isidentifier() and not keyword.iskeyword(field) for field in fields):
        yield f"\nclass {name}(TypedDict):"
        yield f"    {_doc(schema.get('description') or name)}\n"
        yield from (f"    {field}: {kind}" for field, kind in fields.items())
        yield ""
    else:
        listed = ", ".join(f'"{field}": "{kind}"' for field, kind in fields.items())
        yield f'\n{name} = TypedDict("{name}", {{{listed}}})\n'


def routes(document: Mapping[str, Any], names: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """A method for each operation."""
    yield "from __future__ import annotations\n"
    yield "from typing import Any, Literal, cast\nfrom urllib.parse import quote\n"
    yield "import httpx\n"
    yield "from . import shapes\nfrom .transport import Content, Page, Transport\n\n"
    yield "class Gateway(Transport):"
    yield '    """Every route, by the name of what it does. Each raises Problem for what is refused."""\n'
    yield "    def __enter__(self) -> Gateway:\n        return self\n"
    for path, item in document["paths"].items():
        for method, operation in item.items():
            place = (method.upper(), path)
            if place in names and not _only_streams(operation):
                yield from _method(names[place], *place, operation)


def _method(name: str, method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    signature, passed = _arguments(method, operation)
    answer = _answer(operation)
    yield f"    def {_safe(name)}({', '.join(['self', *signature])}) -> {answer}:"
    yield f"        {_doc(operation.get('summary', name) + '.')}"
    filled = re.sub(r"{(\w+)}", lambda match: f"{{quote({_safe(match[1])}, safe='')}}", path)
    spelled = f'{"f" if "{" in path else ""}"{filled}"'
    call = f"self.request({', '.join([repr(method), spelled, *passed])})"
    if answer == "httpx.Response":
        yield f"        return {call}\n"
    elif answer == "None":
        yield f"        {call}\n"
    else:
        yield f'        return cast("{answer}", {call}.json())\n'


def _arguments(method: str, operation: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What a method takes, and what it passes on."""
    parameters = operation.get("parameters", [])
    kinds = operation.get("requestBody", {}).get("content", {})
    signature = [f"{_safe(each['name'])}: str" for each in parameters if each["in"] == "path"]
    passed, headers = [], {}
    in_query = [each for each in parameters if each["in"] == "query"]
    options = [_option(each) for each in in_query]
    if JSON in kinds:
        signature.append(f"body: {typed(kinds[JSON]['schema'])}")
        passed.append("json=body")
    elif kinds:
        signature.append("content: Content")
        passed.append("content=content")
        headers["Content-Type"] = "content_type"
        options.append('content_type: str = "application/octet-stream"')
    if method == "POST":
        headers["Idempotency-Key"] = "idempotency_key"
        options.append("idempotency_key: str | None = None")
    if method == "PATCH":
        headers["If-Match"] = "None if version is None else f'\"{version}\"'"
        options.append("version: int | None = None")
    if in_query:
        passed.append("query=" + _spelled({each["name"]: _safe(each["name"]) for each in in_query}))
    if headers:
        passed.append("headers=" + _spelled(headers))
    return signature + (["*", *options] if options else []), passed


def _spelled(pairs: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": {value}' for name, value in pairs.items()) + "}"


def _option(parameter: Mapping[str, Any]) -> str:
    kind = typed(parameter.get("schema", {}))
    if parameter.get("required"):
        return f"{_safe(parameter['name'])}: {kind}"
    return f"{_safe(parameter['name'])}: {kind if kind.endswith('None') else f'{kind} | None'} = None"


def _only_streams(operation: Mapping[str, Any]) -> bool:
    """Whether the answer has no end; to be read with `Gateway.http.stream`."""
    return list(operation["responses"].get("200", {}).get("content", {})) == ["text/event-stream"]


def _answer(operation: Mapping[str, Any]) -> str:
    """What the first good answer is: its shape, nothing, or the response itself where it is no JSON with a shape."""
    good = sorted((status, answer) for status, answer in operation["responses"].items() if status.startswith("2"))
    if not good:
        return "httpx.Response"
    content = good[0][1].get("content", {})
    if not content:
        return "None"
    schema = content.get(JSON, {}).get("schema", {})
    return typed(schema) if "$ref" in schema else "httpx.Response"


def typed(schema: Mapping[str, Any], *, prefix: str = "shapes.", quoted: bool = False) -> str:
    """A schema as a type."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        if name.startswith("Page_"):
            return f"Page[{prefix}{name.removeprefix('Page_').removesuffix('_')}]"
        return f'"{name}"' if quoted else prefix + name
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            kinds = dict.fromkeys(typed(each, prefix=prefix, quoted=quoted) for each in schema[word])
            if "Any" in kinds:
                return "Any"
            return " | ".join(sorted(kinds, key="None".__eq__))
    kind = schema.get("type")
    if kind == "array":
        return f"list[{typed(schema.get('items', {}), prefix=prefix, quoted=quoted)}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        inner = typed(values, prefix=prefix, quoted=quoted) if isinstance(values, dict) and values else "Any"
        return f"dict[str, {inner}]"
    return SCALARS.get(kind, "Any") if isinstance(kind, str) else "Any"


def _safe(name: str) -> str:
    plain = re.sub(r"\W", "_", name)
    return f"{plain}_" if keyword.iskeyword(plain) or plain in ("self", "body", "content") else plain


def _doc(text: str) -> str:
    return '"""' + text.replace("\\", "\\\\").replace('"""', "'''").strip() + '"""'


if __name__ == "__main__":
    sys.exit(main())
