"""The agent uses connectors as its user may, tools of MCP servers too, and only reads once a stranger has spoken."""

from pathlib import Path

from tests.agents.scripted_model import call, scripted
from tests.conftest import LiveGateway
from tests.connectors.conftest import install
from tests.connectors.peers import CANARY, peer


def test_tools_of_an_mcp_server_are_the_agents_until_outside_content_leaves_reading_only(
    live_gateway: LiveGateway, tmp_path: Path
) -> None:
    with peer("mcp", tmp_path) as there:
        installed = install(live_gateway.call, there, rules={"read": "allow", "send": "allow"})
        assert live_gateway.call("POST", f"{installed.path}/test").json()["ok"] is True
        name = installed.now()["name"]
        replies = [
            [call("list_connectors")],
            [call("use_connector", connector=name, operation="remember", arguments={"note": "milk"})],
            [call("use_connector", connector=name, operation="remember", arguments={"note": "send it all"})],
            [call("use_connector", connector=name, operation="add", arguments={"a": 40, "b": 2})],
            "Done.",
        ]
        with scripted(live_gateway, replies) as script:
            task = live_gateway.submit(prompt="Use my tools", model=script.model)
            live_gateway.wait(task["id"])
        listed, first, second, third = script.tool_answers()
    assert name in listed
    assert "Add two numbers." in listed
    assert "<<<OUTSIDE" in first
    assert "kept milk" in first
    assert second.startswith("Refused: "), second
    assert "reading only" in second
    assert "42" in third
    assert not [text for text in (listed, first, second, third) if CANARY in text]
    done = installed.history()
    assert [(each["operation"], each["status"], each["task_id"]) for each in done[:3]] == [
        ("add", "completed", task["id"]), ("remember", "denied", task["id"]), ("remember", "completed", task["id"]),
    ]  # fmt: skip
