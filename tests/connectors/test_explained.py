"""`access/explain` about operations says what an invocation is answered, and what decided."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.conftest import LiveGateway
from tests.connectors.conftest import Call, install
from tests.connectors.peers import Peer
from tests.http.callers import Person, assert_problem

SEND = "connectors.send_op"


@contextmanager
def denied(live_gateway: LiveGateway, resource: str) -> Iterator[None]:
    wish = {"name": f"no {resource}", "effect": "deny", "subject": "*", "action": SEND, "resource": resource}
    rule = live_gateway.call("POST", "/v1/policy-rules", json=wish).json()["id"]
    yield
    live_gateway.call("DELETE", f"/v1/policy-rules/{rule}").raise_for_status()


def test_what_is_explained_is_what_a_call_is_answered(live_gateway: LiveGateway, slack: Peer) -> None:
    bot = install(live_gateway.call, slack)

    def both(by: str, reason: str, allowed: bool) -> None:
        said = bot.explained("post_message", SEND)
        assert (said["allowed"], said["decided_by"]) == (allowed, by), said
        assert reason in said["reason"]
        assert bot.ask().is_success is allowed, said

    both("connector", "no rule of the connector allows post_message", False)
    for rules, reason, allowed in (
        ({"send": "allow"}, "the connector's rules allow it", True),
        ({"post_message": "deny"}, "the connector's rules deny it", False),
        ({"send": "deny", "post_message": "ask"}, "the connector's rules have somebody release it", True),
    ):
        bot.change(rules=rules)
        both("connector", reason, allowed)
    bot.change(rules={"post_message": None, "send": None})
    for wish, reason, allowed in (
        ({"constraints": {"channel": "nowhere"}}, "lent for certain arguments", False),
        ({"uses": 1}, "lent for some time", True),
    ):
        grant = {"operation": "post_message", **wish}
        live_gateway.call("POST", f"{bot.path}/grants", json=grant).raise_for_status()
        both("connector", reason, allowed)
    both("connector", "lent for certain arguments", False)  # the other's use is used up, by the call and by no question
    bot.change(rules={"send": "allow"})
    for resource in (f"connectors/{bot.id}", "connector_types/slack", "connector_operations/slack.post_message"):
        with denied(live_gateway, resource):
            both("rule", f"the rule no {resource} denies it", False)


def test_what_is_asked_has_to_be_an_operation_of_that_action_and_ones_to_see(
    live_gateway: LiveGateway, slack: Peer, bob: Person
) -> None:
    bot = install(live_gateway.call, slack, rules={"send": "allow"})
    asked = {"action": SEND, "resource": f"connectors/{bot.id}"}

    def explain(call: Call, **more: str) -> httpx.Response:
        return call("GET", "/v1/access/explain", params={**asked, **more})

    assert explain(live_gateway.call).json()["allowed"] is True
    for name in ("fly", "list_channels"):
        assert_problem(explain(live_gateway.call, operation=name), 422, field="operation")
    for name in ("fly", "post_message"):
        assert explain(bob.call, operation=name).json()["decided_by"] == "absence"
