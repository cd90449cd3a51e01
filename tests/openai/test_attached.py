"""Files in messages: a picture and a text reach a model, any file reaches the agent, another's reaches nobody."""

import base64
import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.agents.scripted_model import call
from tests.conftest import LiveGateway
from tests.http.callers import new_person
from tests.openai.conftest import Upstream
from tests.openai.test_agentic import complete, orchestrator
from tests.providers.scripted_server import Exchange

Make = Callable[..., Upstream]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def kept(gateway: LiveGateway, name: str, content: bytes, media_type: str) -> dict[str, Any]:
    """A part of a message that names a fresh artifact."""
    answer = gateway.call("POST", "/v1/artifacts", files={"file": (name, content, media_type)})
    assert answer.status_code == 201, answer.text
    return {"type": "file", "file": {"file_id": answer.json()["id"], "filename": name}}


def said(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *parts]}]


def answered(exchange: Exchange) -> None:
    exchange.json({"choices": [{"message": {"content": "A file."}, "finish_reason": "stop"}]})


def ask(gateway: LiveGateway, model: str, messages: list[dict[str, Any]]) -> httpx.Response:
    """One turn in a chat of its own."""
    headers = {"X-OpenWebUI-Chat-Id": f"attached-{time.monotonic_ns()}"}
    return gateway.call("POST", "/v1/chat/completions", json={"model": model, "messages": messages}, headers=headers)


def test_a_picture_goes_to_the_model_and_its_id_stays_in_the_thread(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(answered)
    part = kept(live_gateway, "dot.png", PNG, "image/png")
    answer = ask(live_gateway, server.model, said(part))
    assert answer.status_code == 200, answer.text
    told = server.asked[0]["messages"][0]["content"]
    assert told[0] == {"type": "text", "text": "What is this?"}
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert told[1] == {"type": "image_url", "image_url": {"url": url}}
    path = f"/v1/chat/threads/{answer.headers['X-Thread-Id']}/messages"
    stored = live_gateway.call("GET", path, params={"limit": 200}).json()["items"][-2]
    assert stored["content"][1] == part


def test_a_text_is_marked_as_from_outside_and_loses_its_secrets(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(answered)
    part = kept(live_gateway, "notes.txt", b"river\npassword = hunter2hunter2XY\n", "text/plain")
    assert ask(live_gateway, server.model, said(part)).status_code == 200
    told = server.asked[0]["messages"][0]["content"]
    assert told.startswith("What is this?\n\nAttached file notes.txt:\n<<<OUTSIDE ")
    assert "river" in told
    assert "SECRET_REDACTED" in told
    assert "hunter2" not in told


def test_what_a_model_cannot_read_is_refused_with_who_can(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(answered)
    answer = ask(live_gateway, server.model, said(kept(live_gateway, "a.bin", b"\x00\xff\x01", "application/zip")))
    assert answer.status_code == 422
    assert "a.bin is neither text nor a picture" in answer.json()["error"]["message"]
    big = kept(live_gateway, "big.txt", b"x" * 400_001, "text/plain")
    assert "at most 400000" in ask(live_gateway, server.model, said(big)).json()["error"]["message"]
    assert server.asked == []


def test_a_file_of_somebody_else_is_not_there(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(answered)
    part = kept(live_gateway, "mine.txt", b"mine", "text/plain")
    other = new_person(live_gateway, f"stranger-{time.monotonic_ns()}")
    body = {"model": server.model, "messages": said(part)}
    answer = other.call("POST", "/v1/chat/completions", json=body)
    assert answer.status_code == 422
    assert "or it is not yours" in answer.json()["error"]["message"]
    assert server.asked == []


def test_ids_of_other_servers_files_are_handed_on(upstream: Make, live_gateway: LiveGateway) -> None:
    server = upstream(answered)
    part = {"type": "file", "file": {"file_id": "file-abc123"}}
    assert ask(live_gateway, server.model, said(part)).status_code == 200
    assert server.asked[0]["messages"][0]["content"][1] == part


def test_the_agent_has_any_file_in_its_workspace_and_keeps_to_reading_once_it_is_shown_a_picture(
    live_gateway: LiveGateway,
) -> None:
    parts = [
        kept(live_gateway, "n.bin", b"\x00\x01\x02", "application/octet-stream"),
        kept(live_gateway, "order.png", PNG, "image/png"),
    ]
    count = call("run_command", command="wc -c < inputs/n.bin")
    wish = call("create_schedule", name="As the picture says", commands=["true"], cron="@yearly")
    with orchestrator(live_gateway, [[wish], [count], "Three bytes."]) as script:
        answer = complete(live_gateway, said(*parts))
    assert answer.status_code == 200, answer.text
    assert script.asked[0]["messages"][-1]["content"][2]["type"] == "image_url"
    refused, counted = script.tool_answers()
    assert "content from outside had a say in it" in refused
    assert "3" in counted
    task = live_gateway.call("GET", f"/v1/tasks/{answer.headers['X-Task-Id']}").json()
    assert task["attachments"] == [part["file"]["file_id"] for part in parts]
