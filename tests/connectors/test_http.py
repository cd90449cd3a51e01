"""Interfaces over HTTP: values stand in addresses and headers as other programs write them."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gateway.adapters.connectors.registry import create
from tests.connectors.peers import CANARY, LOCAL
from tests.providers.scripted_server import Exchange, scripted_server


def described(*parameters: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    told = [{"name": name, "in": place, "required": True, "schema": schema} for name, place, schema in parameters]
    operation = {"operationId": "find", "parameters": told, "responses": {"200": {"description": ""}}}
    return {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {"/things/{on}": {"get": operation}}}


def test_values_are_written_as_in_json_and_texts_as_they_are() -> None:
    flag = {"type": "boolean"}
    document = described(
        ("on", "path", flag), ("deep", "query", flag), ("each", "query", {"type": "array"}),
        ("q", "query", {"type": "string"}), ("most", "query", {"type": "integer"}), ("X-Dry", "header", flag),
    )  # fmt: skip

    async def ask(url: str) -> None:
        connector = create("http", {**LOCAL, "document": document, "base_url": url}, None)
        try:
            [operation] = (await connector.test()).operations or ()
            wish = {"on": True, "deep": False, "each": [True, 1, "x"], "q": "true or 'false'", "most": 5, "X-Dry": True}
            await connector.invoke(operation, wish)
        finally:
            await connector.aclose()

    with scripted_server(lambda exchange: exchange.json({})) as server:
        asyncio.run(ask(server.url))
    [asked] = server.requests
    address = urlsplit(asked.path)
    assert address.path == "/things/true"
    assert parse_qs(address.query) == {
        "deep": ["false"], "each": ["true", "1", "x"], "q": ["true or 'false'"], "most": ["5"],
    }  # fmt: skip
    assert asked.headers["X-Dry"] == "true"


def test_what_accounts_that_are_gone_wrote_on_github_is_read() -> None:
    gone = {"user": None, "created_at": "2026-05-04T10:00:00Z", "html_url": "https://github.com/o/r/issues/1"}
    issue = {**gone, "number": 1, "title": "It rains", "state": "open", "body": None}

    def serve(exchange: Exchange) -> None:
        exchange.json([{**gone, "id": 5, "body": None}] if exchange.path.partition("?")[0].endswith("s") else issue)

    async def read(url: str) -> dict[str, Any]:
        connector = create("github", {**LOCAL, "base_url": url}, json.dumps({"token": CANARY}))
        try:
            return await connector.invoke(connector.operations["read_issue"], {"repository": "o/r", "number": 1})
        finally:
            await connector.aclose()

    with scripted_server(serve) as server:
        told = asyncio.run(read(server.url))
    assert (told["issue"]["author"], told["issue"]["body"]) == ("ghost", "")
    assert [(each["author"], each["body"]) for each in told["comments"]] == [("ghost", "")]
