"""The cause an operation leaves: a run's trace names what its agent asked of a connector, and what that brought."""

import uuid

from tests.agents.scripted_model import call, scripted
from tests.conftest import LiveGateway
from tests.connectors.conftest import install
from tests.connectors.peers import Peer, deliver
from tests.http.callers import Database


def test_a_runs_trace_leads_over_its_operations_to_the_files_they_brought(
    live_gateway: LiveGateway, database: Database, imap: Peer
) -> None:
    mailbox = install(live_gateway.call, imap, rules={"read": "allow"})
    subject = f"Causes {uuid.uuid4()}"
    deliver(imap, subject, attachment=b"%PDF-1.4 why")
    [mail] = mailbox.ask("search_mail", {"subject": subject}).json()["result"]["mails"]
    wish = {"connector": mailbox.now()["name"], "operation": "fetch_attachments", "arguments": {"uid": mail["uid"]}}
    with scripted(live_gateway, [[call("use_connector", **wish)], "Done."]) as script:
        task = live_gateway.submit(prompt="Take the file", model=script.model)
        live_gateway.wait(task["id"])
    [run] = live_gateway.call("GET", f"/v1/runs?task_id={task['id']}").json()["items"]
    operation = mailbox.history()[0]
    assert (operation["operation"], operation["run_id"]) == ("fetch_attachments", run["id"])
    [kept] = database.rows("SELECT id, filename FROM artifacts ORDER BY id DESC LIMIT 1")
    trace = live_gateway.call("GET", f"/v1/runs/{run['id']}/trace").json()
    shown = {(each["kind"], each["id"]): each["title"] for each in trace["nodes"]}
    assert shown["operations", operation["id"]] == f"fetch_attachments of {wish['connector']}"
    assert shown["artifacts", str(kept["id"])] == "cats.pdf"
    edges = {(each["cause_id"], each["effect_id"]) for each in trace["edges"]}
    assert {(run["id"], operation["id"]), (operation["id"], str(kept["id"]))} <= edges


def test_what_a_person_asks_for_in_a_tasks_name_comes_of_that_task(live_gateway: LiveGateway, slack: Peer) -> None:
    bot = install(live_gateway.call, slack, rules={"read": "allow"})
    task = live_gateway.submit(commands=["true"])
    live_gateway.wait(task["id"])
    done = bot.ask("list_channels", {}, body={"task_id": task["id"]}).json()
    [run] = live_gateway.call("GET", f"/v1/runs?task_id={task['id']}").json()["items"]
    trace = live_gateway.call("GET", f"/v1/runs/{run['id']}/trace").json()
    assert (task["id"], done["id"]) in {(each["cause_id"], each["effect_id"]) for each in trace["edges"]}
