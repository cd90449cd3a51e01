"""The official SDK's client works with the server: over HTTP and a pipe, in the newest revision and those before."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import PromptReference, ResourceTemplateReference

from tests.conftest import PROJECT, LiveGateway, wait_until

Way = tuple[str, str]
WAYS: list[Way] = [("http", "2026-07-28"), ("http", "legacy"), ("pipe", "auto"), ("pipe", "legacy")]


@asynccontextmanager
async def connected(gateway: LiveGateway, way: Way) -> AsyncIterator[Client]:
    """A client of the owner's."""
    kind, mode = way
    if kind == "pipe":
        env = {**gateway.env, "GATEWAY_TOKEN": gateway.token}
        arguments = ["app.py", "mcp", "--data-dir", str(gateway.data_dir)]
        server = StdioServerParameters(command=sys.executable, args=arguments, cwd=str(PROJECT), env=env)
        async with Client(stdio_client(server), mode=mode) as client:
            yield client
        return
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {gateway.token}"}, trust_env=False, timeout=60) as http,
        Client(streamable_http_client(f"{gateway.url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


def run(gateway: LiveGateway, way: Way, act: Callable[[Client], Awaitable[Any]]) -> Any:
    """What comes of acting with a client."""

    async def work() -> Any:
        async with connected(gateway, way) as client:
            return await asyncio.wait_for(act(client), 60)

    return asyncio.run(work())


@pytest.fixture(params=WAYS, ids="-".join)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


def test_a_client_finds_tools_resources_and_prompts_and_uses_them(live_gateway: LiveGateway, way: Way) -> None:
    told: list[str] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async def act(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert {"run_task", "create_task", "get_task_result", "list_runs", "set_preference", "complete_chat"} <= set(
            tools
        )
        assert "$defs" in tools["create_task"].input_schema
        assert not [tool.name for tool in tools.values() if '"type":[' in tool.model_dump_json()], "some know no such"
        assert tools["list_tasks"].annotations is not None
        assert tools["list_tasks"].annotations.read_only_hint
        commands = ["echo one; sleep 1.5; echo two; echo kept > artifacts/kept.txt"]
        done = await client.call_tool("run_task", {"commands": commands}, progress_callback=progress)
        assert not done.is_error
        assert done.structured_content["status"] == "completed"
        assert done.content[0].text == "one\ntwo"  # type: ignore[union-attr]
        link = done.content[1]
        assert link.type == "resource_link"
        file = await client.read_resource(link.uri)
        assert file.contents[0].text == "kept\n"  # type: ignore[union-attr]
        listed = await client.list_resources()
        uris = {resource.uri for resource in listed.resources}
        task_id = done.structured_content["task_id"]
        assert {link.uri, f"gateway://tasks/{task_id}/result"} <= uris
        templates = (await client.list_resource_templates()).resource_templates
        assert "gateway://artifacts/{id}" in {template.uri_template for template in templates}
        found = await client.call_tool("get_task", {"id": task_id})
        assert found.structured_content["id"] == task_id
        prompt = await client.get_prompt("explain_failure", {"task_id": task_id})
        assert task_id in prompt.messages[0].content.text  # type: ignore[union-attr]

    run(live_gateway, way, act)
    assert "one" in told


def test_what_a_tool_refuses_is_an_error_that_says_what_to_do(live_gateway: LiveGateway, way: Way) -> None:
    async def act(client: Client) -> None:
        refused = await client.call_tool("create_task", {"commands": ["true"], "prompt": "both"})
        assert refused.is_error
        assert "exactly one" in refused.content[0].text  # type: ignore[union-attr]
        unknown = await client.call_tool("get_task", {"id": "00000000-0000-7000-8000-000000000000"})
        assert unknown.is_error
        assert unknown.structured_content["code"] == "not_found"
        misspelt = await client.call_tool("list_tasks", {"stats": "queued"})
        assert "there is no such argument" in misspelt.content[0].text  # type: ignore[union-attr]

    run(live_gateway, way, act)


def test_canceling_a_call_cancels_the_task(live_gateway: LiveGateway, way: Way) -> None:
    name = f"canceled-{'-'.join(way)}"

    async def act(client: Client) -> None:
        call = asyncio.create_task(client.call_tool("run_task", {"name": name, "commands": ["sleep 60"]}))
        await asyncio.to_thread(wait_until, lambda: _status(live_gateway, name) == "running", 30)
        call.cancel()
        await asyncio.to_thread(wait_until, lambda: _status(live_gateway, name) == "canceled", 5)

    run(live_gateway, way, act)


def _status(gateway: LiveGateway, name: str) -> str | None:
    items = gateway.call("GET", "/v1/tasks?limit=20").json()["items"]
    return next((task["status"] for task in items if task["name"] == name), None)


def test_a_file_written_by_a_tool_is_an_artifact(live_gateway: LiveGateway) -> None:
    async def act(client: Client) -> Any:
        return await client.call_tool("write_artifact", {"filename": "notes.md", "text": "# Grüße\n"})

    written = run(live_gateway, WAYS[0], act).structured_content
    content = live_gateway.call("GET", f"/v1/artifacts/{written['id']}/content")
    assert content.text == "# Grüße\n"
    assert (written["filename"], written["media_type"]) == ("notes.md", "text/plain")


def test_what_tools_answer_is_as_their_schemas_say(live_gateway: LiveGateway, way: Way) -> None:
    """The SDK's client checks each answer by the tool's schema, and refuses one that differs."""
    task = live_gateway.submit(commands=["echo kept > artifacts/kept.txt"])
    live_gateway.wait(task["id"])
    artifact = live_gateway.result(task["id"])["artifacts"][0]["id"]

    async def act(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        silent = {name for name, tool in tools.items() if tool.output_schema is None}
        assert silent == {name for name in tools if name.startswith("delete_")} | {"list_models", "complete_chat"}
        for name, tool in tools.items():
            needed = tool.input_schema.get("required", [])
            ids = {"id": artifact if "artifact" in name else task["id"]}
            if tool.annotations and tool.annotations.read_only_hint and set(needed) <= set(ids):
                answer = await client.call_tool(name, {key: ids[key] for key in needed})
                assert answer.structured_content or name in silent, name
        some = await client.call_tool("list_tasks", {"fields": "id", "limit": 1, "sort": "-created_at"})
        assert list(some.structured_content["items"][0]) == ["id"]
        words = await client.call_tool("get_task", {"id": "the first"})
        assert "it is no id" in words.content[0].text  # type: ignore[union-attr]

    run(live_gateway, way, act)


def test_arguments_and_addresses_are_completed(live_gateway: LiveGateway, way: Way) -> None:
    task = live_gateway.submit(name=f"completes-{uuid.uuid4().hex[:8]}", commands=["false"])
    live_gateway.wait(task["id"])

    async def act(client: Client) -> None:
        prompt = PromptReference(type="ref/prompt", name="explain_failure")
        found = await client.complete(prompt, {"name": "task_id", "value": task["name"]})
        assert found.completion.values == [task["id"]]
        place = ResourceTemplateReference(type="ref/resource", uri="gateway://tasks/{id}/result")
        found = await client.complete(place, {"name": "id", "value": task["id"][:30]})
        assert task["id"] in found.completion.values
        when = PromptReference(type="ref/prompt", name="schedule_work")
        found = await client.complete(when, {"name": "when", "value": "every mon"})
        assert found.completion.values == ["every Monday at 9:00"]

    run(live_gateway, way, act)
