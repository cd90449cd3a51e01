"""MCP servers over streamable HTTP, by the official SDK; their tools are the operations."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from pydantic import Field, SecretStr

from gateway.adapters.connectors.base import (
    Connector,
    ConnectorConfig,
    ConnectorSecret,
    Found,
    Mode,
    Operation,
    WebAddress,
)
from gateway.adapters.connectors.failure import ConnectorError
from gateway.adapters.connectors.json_schema import SchemaRefused, harmless

TIMEOUT_S = 25.0
MOST_TOOLS = 200
MOST_PAGES = 20
ANSWER = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "structured": {},
        "left_out": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["text"],
}


class McpConfig(ConnectorConfig):
    """Which server."""

    url: WebAddress = Field(title="Address of the MCP server")


class McpSecret(ConnectorSecret):
    """A token for a server that asks for one."""

    token: SecretStr = Field(title="Token", min_length=1, max_length=8000)


class Mcp(Connector[McpConfig]):
    """An MCP server."""

    kind, title = "mcp", "MCP server"
    summary = "Use the tools of a server that speaks the Model Context Protocol."
    Config, Secret = McpConfig, McpSecret
    secret_goes_to = ("url",)
    needs_secret = False
    learns = True

    async def test(self) -> Found:
        """Lists the server's tools, and learns them."""
        tools: list[Any] = []
        async with self._session() as session:
            cursor = None
            for _ in range(MOST_PAGES):
                page = await session.list_tools(cursor=cursor)
                tools += page.tools
                cursor = page.next_cursor
                if cursor is None or len(tools) >= MOST_TOOLS:
                    break
        operations = [made for tool in tools[:MOST_TOOLS] if (made := _operation(tool)) is not None]
        return Found(f"The server offers {len(operations)} tool{'s' * (len(operations) != 1)}.", tuple(operations))

    async def invoke(self, operation: Operation, arguments: dict[str, Any]) -> dict[str, Any]:
        """Calls a tool."""
        async with self._session() as session:
            result = await session.call_tool(operation.call["tool"], arguments, read_timeout_seconds=TIMEOUT_S)
        text = "\n".join(block.text for block in result.content if block.type == "text")
        if result.is_error:
            raise ConnectorError(f"The tool failed: {text[:500]}", code="tool_failed")
        answer: dict[str, Any] = {"text": text}
        if result.structured_content is not None:
            answer["structured"] = result.structured_content
        if left_out := [block.type for block in result.content if block.type != "text"]:
            answer["left_out"] = left_out
        return answer

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Any]:
        """A session with the server. Raises ConnectorError."""
        await asyncio.to_thread(import_module, "mcp.client.streamable_http")  # takes seconds, which the loop has not
        import httpx2
        from mcp import Client, MCPError
        from mcp.client.streamable_http import streamable_http_client

        from gateway.adapters.connectors.mcp_transport import Refusals, Through

        headers = {"Authorization": f"Bearer {self.secret.token.get_secret_value()}"} if self.secret else {}
        refusals = Refusals()
        transport = Through(self.egress.client, refusals, TIMEOUT_S)
        try:
            async with httpx2.AsyncClient(transport=transport, headers=headers, timeout=TIMEOUT_S) as http:
                server = streamable_http_client(self.config.url, http_client=http)
                async with Client(server, read_timeout_seconds=TIMEOUT_S) as session:
                    yield session
        except ConnectorError:
            raise
        except MCPError as error:
            raise refusals.first or ConnectorError(
                f"The server refused: {error}"[:500], code="refused_by_service"
            ) from error
        except Exception as error:
            failure = refusals.first or _connector_error(error)
            if failure is None:
                said = "The server does not speak MCP as expected."
                failure = ConnectorError(said, code="unexpected_answer")
            raise failure from error


def _connector_error(error: BaseException) -> ConnectorError | None:
    """The error of the contract within a group of errors."""
    if isinstance(error, ConnectorError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next((found for each in error.exceptions if (found := _connector_error(each))), None)
    return None


def _operation(tool: Any) -> Operation | None:
    """A tool as an operation: one that its server calls read-only reads, every other one sends."""
    notes = tool.annotations
    mode: Mode = "read" if notes is not None and notes.read_only_hint else "send"
    try:
        schema = harmless(tool.input_schema)
    except SchemaRefused:
        return None
    title = (notes.title if notes is not None else None) or tool.title or tool.name
    description = str(tool.description or title)[:1000]
    return Operation(tool.name[:100], mode, str(title)[:120], description, schema, ANSWER, {"tool": tool.name})
