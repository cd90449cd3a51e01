"""Sessions that have come to rest are summarized: by a model where one is at hand, else from the records alone."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.agents.scripted_model import Script, scripted, setting
from tests.conftest import LiveGateway, wait_until


def session(gateway: LiveGateway, title: str) -> str:
    return str(gateway.call("POST", "/v1/sessions", json={"title": title}).json()["id"])


def summaries(gateway: LiveGateway, session_id: str, count: int) -> list[dict[str, Any]]:
    def there() -> list[dict[str, Any]] | None:
        found = gateway.call("GET", f"/v1/sessions/{session_id}/transcript?kind=summary").json()["items"]
        return found if len(found) >= count else None

    return wait_until(there, 60)  # type: ignore[no-any-return]


@contextmanager
def resting(gateway: LiveGateway, model: str, days: int = 0) -> Iterator[None]:
    """Sessions rest after a second, and `model` summarizes them."""
    with ExitStack() as stack:
        for key, value in (("summary_model", model), ("summary_days", days), ("rest_s", 1)):
            stack.enter_context(setting(gateway, f"sessions.{key}", value))
        yield


def listed(gateway: LiveGateway, script: Script) -> None:
    """Waits until a node knows the model."""
    wait_until(lambda: script.model in [each["id"] for each in gateway.call("GET", "/v1/models").json()["data"]], 30)


def asked_about(script: Script, title: str) -> list[str]:
    told = [str(request["messages"][-1]["content"]) for request in script.asked]
    return [text for text in told if f"Session: {title}" in text]


def test_a_model_summarizes_and_goes_on_from_what_it_said_before(live_gateway: LiveGateway) -> None:
    echoed = '```text\n<<<OUTSIDE 12 source="session">>>\nThe garden was watered.\n<<<END 12>>>\n```'
    with scripted(live_gateway, [echoed]) as script:
        listed(live_gateway, script)
        work = session(live_gateway, "Garden")
        live_gateway.wait(live_gateway.submit(commands=["echo watered"], name="water", session_id=work)["id"])
        with resting(live_gateway, script.model, days=30):
            [first] = summaries(live_gateway, work, 1)
            live_gateway.wait(live_gateway.submit(commands=["exit 3"], name="weed", session_id=work)["id"])
            [_, second] = summaries(live_gateway, work, 2)
    assert first["content"] == "The garden was watered.\n\n- water – completed"
    assert (first["created_by"], first["retention"]) == (script.model, {"days": 30})
    assert "- weed – failed: It exited with 3." in second["content"]
    assert "water –" not in second["content"], "what is told already is not told again"
    before, since = asked_about(script, "Garden")
    assert "Task water, asked: echo watered" in before
    assert "Summary until now:\nThe garden was watered." in since


def test_without_a_model_the_records_alone_tell_it(live_gateway: LiveGateway) -> None:
    work = session(live_gateway, "Attic")
    run = live_gateway.call("POST", "/v1/runs", json={"name": "sorting", "session_id": work}).json()["id"]
    segment = {"kind": "redacted", "content": "three boxes were found"}
    live_gateway.call("POST", f"/v1/runs/{run}/transcript", json=segment)
    live_gateway.call("PATCH", f"/v1/runs/{run}", json={"status": "completed"})
    with resting(live_gateway, "none"):
        [summary] = summaries(live_gateway, work, 1)
    assert summary["content"] == "- sorting – completed\n- 1 parts of a transcript"
    assert summary["created_by"].startswith("node:")
    assert summary["expires_at"] is None


def test_a_model_that_fails_costs_no_summary(live_gateway: LiveGateway) -> None:
    with scripted(live_gateway, [lambda _: ""]) as script:
        listed(live_gateway, script)
        work = session(live_gateway, "Cellar")
        live_gateway.wait(live_gateway.submit(commands=["true"], name="tidy", session_id=work)["id"])
        with resting(live_gateway, script.model):
            [summary] = summaries(live_gateway, work, 1)
    assert summary["content"] == "- tidy – completed"


def test_secrets_reach_neither_model_nor_summary(live_gateway: LiveGateway) -> None:
    secret = "sk-proj-" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7cF0hL"
    with scripted(live_gateway, [f"The key is {secret}."]) as script:
        listed(live_gateway, script)
        work = session(live_gateway, "Keys")
        live_gateway.wait(live_gateway.submit(commands=[f"echo {secret}"], name="show", session_id=work)["id"])
        with resting(live_gateway, script.model):
            [summary] = summaries(live_gateway, work, 1)
        told = asked_about(script, "Keys")
    assert told
    assert secret not in str(told)
    assert secret not in summary["content"]
    assert "SECRET_REDACTED" in summary["content"]
