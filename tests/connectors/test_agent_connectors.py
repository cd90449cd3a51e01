"""The agent uses connectors as its user may, tools of MCP servers too, and only reads once a stranger has spoken."""

from pathlib import Path
from typing import Any

from tests.agents.scripted_model import call, scripted
from tests.conftest import LiveGateway
from tests.connectors.conftest import install
from tests.connectors.peers import CANARY, Peer, peer


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


def test_a_constraint_that_is_set_during_a_turn_holds_at_the_next_call(
    live_gateway: LiveGateway, interface: Peer
) -> None:
    installed = install(live_gateway.call, interface, rules={"read": "allow", "send": "allow"})
    wish = {"connector": installed.id, "operation": interface.operation, "arguments": interface.arguments}
    uses = [call("run_command", command="perl -v"), call("use_connector", **wish)]
    constraints = {"code.language.disallowed": ["perl"], "security.web_browse.allowed_domains": ["elsewhere.example"]}

    def forbid(body: dict[str, Any]) -> list[dict[str, Any]]:
        for key, value in constraints.items():
            live_gateway.call("PUT", f"/v1/preferences/user/-/{key}", json={"value": value}).raise_for_status()
        return [*uses, call("start_process", command="perl -v")]

    try:
        with scripted(live_gateway, [uses, forbid, "Done."]) as script:
            task = live_gateway.submit(prompt="Go on", model=script.model, acceptance_criteria=["$ perl -v"])
            live_gateway.wait(task["id"])
    finally:
        for key in constraints:
            live_gateway.call("DELETE", f"/v1/preferences/user/-/{key}")
    before, refused = script.tool_answers()[:2], script.tool_answers()[2:5]
    assert not [told for told in before if told.startswith("Refused")]
    for told, key in zip(refused, (*constraints, "code.language.disallowed"), strict=True):
        assert told.startswith("Refused: "), told
        assert f"{key} at user scope" in told
    [finding, *_] = live_gateway.result(task["id"])["verification"]["findings"]
    assert "forbidden by code.language.disallowed" in finding["reason"]
    newest = installed.history()[0]
    assert (newest["status"], newest["error"]["code"]) == ("failed", "forbidden_by_preference")
    assert installed.now()["last_error"] is None, "nothing is wrong with the connector"
    denied = live_gateway.call("GET", f"/v1/audit?resource={installed.id}&decision=deny").json()["items"]
    assert "security.web_browse.allowed_domains at user scope" in denied[0]["reason"]
    assert installed.ask().json()["status"] == "completed", "what a user asks for is no tool's call"
