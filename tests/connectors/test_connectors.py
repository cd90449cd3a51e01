"""Connectors over HTTP: nothing is allowed by itself, what is lent ends, what is held is undone, secrets stay in."""

import json
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import LiveGateway, wait_until
from tests.connectors.conftest import Installed, install
from tests.connectors.peers import CANARY, PEERS, Peer, deliver, peer
from tests.http.callers import Database, Person, assert_problem


@pytest.fixture
def bot(live_gateway: LiveGateway, slack: Peer) -> Installed:
    """A connector to Slack, with which nothing is allowed yet."""
    return install(live_gateway.call, slack)


def texts(there: Peer) -> list[str]:
    return [message["text"] for message in there.taken]


def test_the_catalogue_describes_every_type_without_knowing_a_secret(live_gateway: LiveGateway) -> None:
    types = live_gateway.call("GET", "/v1/connectors/catalog").json()["items"]
    assert {each["type"] for each in types} == set(PEERS)
    for each in types:
        assert each["config_schema"]["properties"]["allowed_hosts"]["title"]
        for operation in each["operations"]:
            assert operation["mode"] in ("read", "send", "admin")
            assert operation["input_schema"]["type"] == operation["output_schema"]["type"] == "object"


def test_a_connector_lives_by_the_conventions(live_gateway: LiveGateway, slack: Peer) -> None:
    wish = {"type": "slack", "name": f"s-{uuid.uuid4()}", "config": slack.config}
    made = live_gateway.call("POST", "/v1/connectors", json=wish)
    path = made.headers["Location"]
    assert made.json()["operations"][0]["verdict"] == "deny"
    read = live_gateway.call("GET", path)
    assert (read.json(), read.headers["ETag"].partition("-")[0]) == (made.json(), '"1')
    patch = {"rules": {"read": "allow", "post_message": "ask"}}
    changed = live_gateway.call("PATCH", path, json=patch, headers={"If-Match": '"1"'}).json()
    verdicts = {each["name"]: each["verdict"] for each in changed["operations"]}
    assert verdicts == {"post_message": "ask", "read_history": "allow", "list_channels": "allow"}
    assert_problem(live_gateway.call("PATCH", path, json={}, headers={"If-Match": '"1"'}), 412)
    assert live_gateway.call("PATCH", path, json={"rules": {"read": None}}).json()["rules"] == {"post_message": "ask"}
    assert live_gateway.call("POST", f"{path}/disable").json()["enabled"] is False
    assert made.json()["id"] in [
        each["id"] for each in live_gateway.call("GET", "/v1/connectors?type=slack&enabled=false").json()["items"]
    ]
    for words, found in ((str(wish["name"]).upper(), [made.json()["id"]]), ("%", [])):
        items = live_gateway.call("GET", "/v1/connectors", params={"q": words}).json()["items"]
        assert [each["id"] for each in items] == found
    assert live_gateway.call("POST", f"{path}/enable").json()["enabled"] is True
    assert_problem(live_gateway.call("POST", "/v1/connectors", json=wish), 409, "name_taken")
    assert live_gateway.call("DELETE", path).status_code == 204
    assert_problem(live_gateway.call("GET", path), 404)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"type": "fax"}, "type"), ({"config": {"colour": "red"}}, "config.colour"), ({"hold_s": -1}, "hold_s"),
        ({"config": {"poll_s": "often"}}, "config.poll_s"), ({"rules": {"read": "perhaps"}}, "rules.read"),
        ({"rules": {"dance": "allow"}}, "rules"), ({"project_id": str(uuid.uuid4())}, "project_id"),
        ({"group_id": str(uuid.uuid4())}, "group_id"), ({"config": {"channels": ["x" * 300_000]}}, "config"),
        ({"type": "feed", "config": {"url": "ftp//nowhere"}}, "config.url"),
        ({"type": "imap", "config": {"host": "no host:at all"}}, "config.host"),
        ({"type": "http"}, "config.document_url"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named(live_gateway: LiveGateway, wish: dict[str, Any], field: str) -> None:
    answer = live_gateway.call("POST", "/v1/connectors", json={"type": "slack", "name": f"bad-{uuid.uuid4()}", **wish})
    assert_problem(answer, 422, field=field)


def test_all_that_does_not_fit_is_told_at_once_and_in_plain_words(live_gateway: LiveGateway) -> None:
    wish = {"type": "imap", "name": f"bad-{uuid.uuid4()}", "config": {"host": "no host", "port": 0, "security": "most"}}
    assert live_gateway.call("POST", "/v1/connectors", json=wish).json()["errors"] == [
        {"field": "config.host", "message": "it must be the name of a server, such as mail.example.org"},
        {"field": "config.port", "message": "it must be at least 1"},
        {"field": "config.security", "message": "it must be 'tls' or 'none'"},
    ]


@pytest.mark.parametrize("by_tool", [False, True])
def test_an_operation_is_reached_whatever_its_server_calls_it(
    live_gateway: LiveGateway, by_tool: bool, tmp_path: Path
) -> None:
    with peer("mcp", tmp_path) as there:
        books = install(live_gateway.call, there, rules={"read": "allow"})
        assert live_gateway.call("POST", f"{books.path}/test").json()["ok"] is True
        name, arguments = "books/find all", {"title": "Ulysses"}
        assert name in {each["name"] for each in books.now()["operations"]}
        if by_tool:
            wish = {"id": books.id, "name": name, "arguments": arguments}
            params = {"name": "invoke_connector", "arguments": wish}
            call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
            done = live_gateway.call("POST", "/mcp", json=call).json()["result"]["structuredContent"]
        else:
            done = books.ask(quote(name), arguments).json()
    assert (done["status"], done["result"]["text"]) == ("completed", "found Ulysses")


def test_nothing_is_allowed_until_a_rule_allows_it(bot: Installed) -> None:
    before = len(bot.there.taken)
    assert_problem(bot.ask(), 403, "operation_denied")
    bot.change(rules={"read": "allow"})
    assert_problem(bot.ask(), 403, "operation_denied")
    assert bot.ask("list_channels", {}).json()["result"] == {"channels": [{"id": "C1", "name": "general"}]}
    bot.change(rules={"send": "allow", "post_message": "deny"})
    assert_problem(bot.ask(), 403, "operation_denied")
    assert len(bot.there.taken) == before
    bot.change(rules={"post_message": "allow"})
    done = bot.ask()
    assert (done.status_code, done.json()["status"]) == (200, "completed"), done.text
    assert len(bot.there.taken) == before + 1
    newest, *_, oldest = bot.history()
    assert (newest["decision"], newest["status"], newest["operation"]) == ("allow", "completed", "post_message")
    assert newest["duration_ms"] >= 0
    assert newest["request_bytes"] > 20 < newest["answer_bytes"]
    assert (oldest["decision"], oldest["status"]) == ("deny", "denied")


@pytest.mark.parametrize(
    "resource", ["connectors/{id}", "connector_types/slack", "connector_operations/slack.post_message"]
)
def test_a_policy_rule_about_instance_type_or_operation_beats_the_connectors_own(
    live_gateway: LiveGateway, bot: Installed, resource: str
) -> None:
    bot.change(rules={"send": "allow", "read": "allow"})
    rule = {"effect": "deny", "subject": "*", "action": "connectors.send_op", "resource": resource.format(id=bot.id)}
    made = live_gateway.call("POST", "/v1/policy-rules", json=rule)
    assert made.status_code == 201, made.text
    try:
        assert_problem(bot.ask(), 403, "operation_denied")
        assert bot.ask("list_channels", {}).status_code == 200
    finally:
        live_gateway.call("DELETE", f"/v1/policy-rules/{made.json()['id']}").raise_for_status()
    assert bot.ask().status_code == 200


def test_arguments_are_held_to_the_schema_and_unknown_operations_are_not_there(bot: Installed) -> None:
    bot.change(rules={"send": "allow"})
    assert_problem(bot.ask(arguments={"channel": "C1"}), 422, field="arguments")
    assert_problem(bot.ask(arguments={"channel": "C1", "text": 5}), 422, field="arguments.text")
    both = bot.ask(arguments={"channel": 4, "text": 5}).json()
    assert [told.partition(":")[0] for told in both["detail"].split("; ")] == ["arguments.channel", "arguments.text"]
    assert_problem(bot.ask("fly", {}), 404, "unknown_operation")
    refused = bot.ask(arguments={"channel": "C9", "text": "x"}).json()
    assert (refused["status"], refused["error"]["code"]) == ("failed", "refused_by_service")
    assert "channel_not_found" in refused["error"]["message"]


def test_a_grant_lends_some_uses_of_what_it_says_and_no_more(live_gateway: LiveGateway, bot: Installed) -> None:
    wish = {"operation": "post_message", "uses": 2, "for_s": 1800, "constraints": {"channel": "C1", "text": "Report*"}}
    grant = live_gateway.call("POST", f"{bot.path}/grants", json=wish).json()
    assert_problem(bot.ask(arguments={"channel": "C1", "text": "Gossip"}), 403)
    for number in (1, 2):
        done = bot.ask(arguments={"channel": "C1", "text": f"Report {number}"})
        assert (done.json()["status"], done.json()["grant_id"]) == ("completed", grant["id"]), done.text
    assert_problem(bot.ask(arguments={"channel": "C1", "text": "Report 3"}), 403)
    [left] = live_gateway.call("GET", f"{bot.path}/grants").json()["items"]
    assert (left["used"], left["uses"]) == (2, 2)
    second = live_gateway.call("POST", f"{bot.path}/grants", json={"operation": "send", "uses": 9}).json()
    assert live_gateway.call("DELETE", f"{bot.path}/grants/{second['id']}").status_code == 204
    assert_problem(bot.ask(), 403)
    bad = live_gateway.call("POST", f"{bot.path}/grants", json={"operation": "send", "until": "2020-01-01T00:00:00Z"})
    assert_problem(bad, 422, field="until")


def test_what_is_held_can_be_undone_released_or_goes_by_itself(live_gateway: LiveGateway, bot: Installed) -> None:
    bot.change(rules={"send": "allow"}, hold_s=600)
    words = [f"{word} {uuid.uuid4()}" for word in ("undone", "released", "due")]
    held = [bot.ask(arguments={"channel": "C1", "text": text}) for text in words]
    assert [(each.status_code, each.json()["status"]) for each in held] == [(202, "held")] * 3
    ids = [each.json()["id"] for each in held]
    pending = live_gateway.call("GET", "/v1/connectors/pending").json()["items"]
    assert {each["id"]: each["arguments"]["text"] for each in pending if each["id"] in ids} == dict(
        zip(ids, words, strict=True)
    )
    assert live_gateway.call("POST", f"{bot.path}/operations/{ids[0]}/undo").json()["status"] == "undone"
    assert_problem(live_gateway.call("POST", f"{bot.path}/operations/{ids[0]}/release"), 409, "not_held")
    assert live_gateway.call("POST", f"{bot.path}/operations/{ids[1]}/release").json()["status"] == "queued"
    wait_until(lambda: words[1] in texts(bot.there), 20)
    bot.change(hold_s=1)
    soon = bot.ask(arguments={"channel": "C1", "text": "soon"}).json()
    wait_until(lambda: _status(bot, soon["id"]) == "completed", 20)
    assert not {words[0], words[2]} & set(texts(bot.there))
    bot.change(rules={"send": "deny"})
    assert live_gateway.call("POST", f"{bot.path}/operations/{ids[2]}/release").json()["status"] == "queued"
    wait_until(lambda: _status(bot, ids[2]) == "failed", 20)
    assert words[2] not in texts(bot.there), "what has come to be denied is not sent, however long ago it was allowed"


def test_what_a_rule_allows_by_its_name_is_done_where_its_mode_is_denied(bot: Installed) -> None:
    bot.change(rules={"read": "deny", "list_channels": "allow"})
    assert bot.ask("list_channels", {}).json()["status"] == "completed"


@pytest.mark.parametrize("now", [{"send": None}, {"send": "ask"}])
def test_what_is_held_does_not_go_once_no_rule_allows_it(bot: Installed, now: dict[str, str | None]) -> None:
    bot.change(rules={"send": "allow"}, hold_s=600)
    text = f"late {uuid.uuid4()}"
    held = bot.ask(arguments={"channel": "C1", "text": text}).json()["id"]
    bot.change(rules=now)
    bot.call("POST", f"{bot.path}/operations/{held}/release").raise_for_status()
    assert _refused(bot, held)
    assert text not in texts(bot.there)


def test_what_was_lent_for_a_held_one_is_there_when_it_goes_or_it_does_not(bot: Installed) -> None:
    bot.change(hold_s=600)
    for is_taken_back in (False, True):
        grant = bot.call("POST", f"{bot.path}/grants", json={"operation": "send", "uses": 1}).json()["id"]
        text = f"lent {uuid.uuid4()}"
        held = bot.ask(arguments={"channel": "C1", "text": text}).json()["id"]
        if is_taken_back:
            bot.call("DELETE", f"{bot.path}/grants/{grant}").raise_for_status()
        bot.call("POST", f"{bot.path}/operations/{held}/release").raise_for_status()
        assert _refused(bot, held) is is_taken_back
        assert (text in texts(bot.there)) is not is_taken_back


def test_what_somebody_releases_goes_while_a_rule_still_has_them_asked(bot: Installed) -> None:
    bot.change(rules={"send": "ask"})
    kept, gone = (bot.ask(arguments={"channel": "C1", "text": f"{uuid.uuid4()}"}).json()["id"] for _ in range(2))
    bot.call("POST", f"{bot.path}/operations/{kept}/release").raise_for_status()
    assert not _refused(bot, kept)
    bot.change(rules={"send": None})
    bot.call("POST", f"{bot.path}/operations/{gone}/release").raise_for_status()
    assert _refused(bot, gone)


def _refused(bot: Installed, operation_id: str) -> bool:
    """Whether it has ended for want of what allowed it; it has been done otherwise."""
    wait_until(lambda: _status(bot, operation_id) in ("completed", "failed"), 30)
    error = bot.call("GET", f"{bot.path}/operations/{operation_id}").json()["error"]
    assert error is None or error["code"] == "operation_denied", error
    return error is not None


def _status(bot: Installed, operation_id: str) -> str:
    return str(bot.call("GET", f"{bot.path}/operations/{operation_id}").json()["status"])


def test_the_same_key_sends_once(bot: Installed) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    assert_problem(bot.ask(headers=key), 403)
    bot.change(rules={"send": "allow"})
    text = f"once {uuid.uuid4()}"
    first, again = (bot.ask(arguments={"channel": "C1", "text": text}, headers=key) for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert texts(bot.there).count(text) == 1
    assert_problem(bot.ask(headers=key), 422, "idempotency_key_reused")


def test_three_refused_credentials_stop_it_and_another_one_starts_it(live_gateway: LiveGateway, slack: Peer) -> None:
    bot = install(live_gateway.call, slack, rules={"read": "allow"}, secret={"token": "wrong-token"})
    for _ in range(3):
        assert bot.ask("list_channels", {}).json()["error"]["code"] == "authentication_failed"
    stopped = bot.now()
    assert (stopped["state"], stopped["last_error"]["code"]) == ("stopped", "authentication_failed")
    assert "Rotate the credential" in stopped["stopped_reason"]
    assert_problem(bot.ask("list_channels", {}), 409, "connector_stopped")
    events = live_gateway.call("GET", "/v1/events", params={"name": "connector.stopped", "limit": 200}).json()["items"]
    assert bot.id in [event["data"]["connector_id"] for event in events]
    rotated = live_gateway.call(
        "POST", f"{bot.path}/credentials/{bot.credential_id}/rotate", json={"secret": {"token": CANARY}}
    ).json()
    assert (rotated["id"], rotated["in_force"]) == (bot.credential_id, True)
    assert bot.now()["state"] == "ok"
    assert bot.ask("list_channels", {}).json()["status"] == "completed"


def test_credentials_come_and_go_and_the_connector_stays_what_it_is(live_gateway: LiveGateway, bot: Installed) -> None:
    bot.change(rules={"read": "allow"})
    cid, config = bot.credential_id, bot.now()["config"]
    elsewhere = {**config, "base_url": "http://127.0.0.1:9/"}
    refused = live_gateway.call("PATCH", bot.path, json={"config": elsewhere})
    assert_problem(refused, 422)
    assert refused.json()["errors"][0]["field"] == "config.base_url", "the token would be sent there"
    bot.change(config={**config, "channels": ["C1"]})
    assert live_gateway.call("POST", f"{bot.path}/credentials/{cid}/disable").json()["state"] == "disabled"
    bot.change(config=elsewhere)
    bot.change(config=config)
    assert bot.now()["has_credential"] is False
    assert bot.ask("list_channels", {}).json()["error"]["code"] == "no_credential"
    assert live_gateway.call("POST", f"{bot.path}/credentials/{cid}/revoke").json()["state"] == "revoked"
    again = live_gateway.call("POST", f"{bot.path}/credentials/{cid}/rotate", json={"secret": {"token": "x"}})
    assert_problem(again, 409, "credential_revoked")
    bad = live_gateway.call(
        "POST", f"{bot.path}/credentials", json={"secret": {"password": "canary-in-the-wrong-place"}}
    )
    assert_problem(bad, 422)
    assert "canary" not in bad.text
    second = live_gateway.call("POST", f"{bot.path}/credentials", json={"secret": {"token": CANARY}}).json()
    assert (second["in_force"], second["fields"]) == (True, ["token"])
    assert bot.ask("list_channels", {}).json()["status"] == "completed"


def test_no_secret_is_found_anywhere(
    live_gateway: LiveGateway, database: Database, slack: Peer, interface: Peer, bob: Person
) -> None:
    """Services that throw the credential back, in answers and errors; answers, history, events, rows and logs."""
    seen = []
    for there in (slack, interface):
        installed = install(live_gateway.call, there, rules={"read": "allow", "send": "allow"})
        seen.append(live_gateway.call("POST", f"{installed.path}/test").text)
        seen.append(installed.ask().text)
        seen.append(live_gateway.call("GET", f"{installed.path}/credentials").text)
        seen += [json.dumps(installed.history()), json.dumps(installed.now())]
    assert "SECRET_REDACTED" in seen[6], "the interface echoes the token, which does not come through"
    seen.append(live_gateway.call("GET", "/v1/events", params={"name": "connector.*", "limit": 200}).text)
    tables = ("connectors", "connector_credentials", "connector_operations", "events", "audit_records")
    seen += [json.dumps(row, default=str) for table in tables for row in database.rows(f"SELECT * FROM {table}")]
    seen += [path.read_text("utf-8") for path in (live_gateway.data_dir / "logs").glob("*")]
    assert [text[:300] for text in seen if CANARY in text] == []


def test_an_interface_shows_its_operations_and_is_held_to_its_document(
    live_gateway: LiveGateway, interface: Peer
) -> None:
    installed = install(live_gateway.call, interface, rules={"read": "allow"})
    assert live_gateway.call("POST", f"{installed.path}/test").json()["ok"] is True
    modes = {each["name"]: each["mode"] for each in installed.now()["operations"]}
    assert modes == {"get_pet": "read", "delete_pet": "admin", "post_pets": "send"}
    assert "(a+)+$" not in json.dumps(installed.now()), "patterns that could take for ever are left out"
    good = installed.ask().json()
    assert good["result"]["body"]["name"] == "Rex"
    assert interface.taken[-1] == ("GET", "/v2/pets/a%2Fb?fields=name")
    odd = installed.ask(arguments={"petId": "odd"}).json()
    assert (odd["status"], odd["error"]["code"]) == ("failed", "unexpected_answer")
    assert_problem(installed.ask("delete_pet", {"petId": "a"}), 403, "operation_denied")


def test_mail_is_heard_of_read_and_its_files_become_artifacts(live_gateway: LiveGateway, imap: Peer) -> None:
    mailbox = install(live_gateway.call, imap, rules={"read": "allow"}, config={"poll_s": 1})
    wait_until(lambda: mailbox.now()["last_ok_at"], 30)
    subject = f"Rain {uuid.uuid4()}"
    deliver(imap, subject, attachment=b"%PDF-1.4 cats and dogs")

    def told() -> dict[str, Any] | None:
        query = {"name": "connector.mail_received", "limit": 200}
        events = live_gateway.call("GET", "/v1/events", params=query).json()["items"]
        return next((event for event in events if event["data"]["subject"] == subject), None)

    event = wait_until(told, 30)
    assert event["data"]["connector_id"] == mailbox.id
    mailbox.change(config={**imap.config, "poll_s": 0})
    [found] = mailbox.ask("search_mail", {"subject": subject}).json()["result"]["mails"]
    assert (found["uid"], found["unread"]) == (event["data"]["uid"], True)
    mail = mailbox.ask("read_mail", {"uid": found["uid"]}).json()["result"]
    assert f"It is about {subject}." in mail["text"]
    taken = mailbox.ask("fetch_attachments", {"uid": found["uid"]}).json()["result"]
    content = live_gateway.call("GET", f"/v1/artifacts/{taken['artifacts'][0]['id']}/content").content
    assert content == b"%PDF-1.4 cats and dogs"


def test_another_user_knows_nothing_of_it_and_a_group_may_use_it(
    live_gateway: LiveGateway, slack: Peer, bob: Person
) -> None:
    mine = install(live_gateway.call, slack, rules={"read": "allow", "send": "ask"})
    held = mine.ask().json()["id"]
    for method, path in (
        ("GET", mine.path), ("POST", f"{mine.path}/test"), ("GET", f"{mine.path}/operations"),
        ("POST", f"{mine.path}/operations/list_channels"), ("POST", f"{mine.path}/operations/{held}/release"),
        ("GET", f"{mine.path}/credentials"), ("DELETE", mine.path),
    ):  # fmt: skip
        assert_problem(bob.call(method, path), 404)
    assert mine.id not in bob.call("GET", "/v1/connectors?limit=200").text
    assert held not in bob.call("GET", "/v1/connectors/pending?limit=200").text
    assert [why_not_released(bob, f"operations/{id_}") for id_ in (held, uuid.uuid4())] == ["absence", "absence"]
    group = live_gateway.call("POST", "/v1/groups", json={"name": f"g-{uuid.uuid4().hex[:12]}"}).json()["id"]
    owner, other = (call("GET", "/v1/users/me").json()["id"] for call in (live_gateway.call, bob.call))
    for user in (owner, other):
        live_gateway.call("POST", f"/v1/groups/{group}/members", json={"user_id": user}).raise_for_status()
    shared = install(live_gateway.call, slack, rules={"read": "allow", "send": "ask"}, group_id=group)
    as_bob = Installed(bob.call, shared.id, slack)
    assert as_bob.ask("list_channels", {}).json()["status"] == "completed"
    waiting = as_bob.ask().json()
    assert waiting["status"] == "held"
    assert_problem(bob.call("POST", f"{shared.path}/operations/{waiting['id']}/release"), 403)
    for resource in (f"operations/{waiting['id']}", f"connectors/{shared.id}"):
        assert why_not_released(bob, resource) == "role"
    for method, path, body in (
        ("PATCH", shared.path, {"rules": {"send": "allow"}}), ("DELETE", shared.path, None),
        ("POST", f"{shared.path}/credentials", {"secret": {"token": "x"}}),
        ("POST", f"{shared.path}/grants", {"operation": "send"}),
    ):  # fmt: skip
        assert_problem(bob.call(method, path, json=body), 403)
    looked = live_gateway.call("GET", f"{shared.path}/operations/{waiting['id']}").json()
    assert (looked["actor_id"], looked["result"]) == (other, None)
    assert live_gateway.call("POST", f"{shared.path}/operations/{waiting['id']}/release").status_code == 200
    live_gateway.call("PATCH", shared.path, json={"rules": {"send": "allow"}, "hold_s": 3600}).raise_for_status()
    theirs = as_bob.ask().json()["id"]
    assert why_not_released(bob, f"operations/{theirs}") is None
    assert bob.call("POST", f"{shared.path}/operations/{theirs}/undo").json()["status"] == "undone"
    late = as_bob.ask().json()["id"]
    live_gateway.call("DELETE", f"/v1/groups/{group}/members/{other}").raise_for_status()
    live_gateway.call("POST", f"{shared.path}/operations/{late}/release").raise_for_status()
    wait_until(lambda: _status(shared, late) == "failed", 20)
    error = live_gateway.call("GET", f"{shared.path}/operations/{late}").json()["error"]
    assert error["code"] == "operation_denied"
    assert error["message"] == "The policy has come to deny it: it belongs to another user."


def why_not_released(person: Person, resource: str) -> str | None:
    """What `access/explain` says that keeps somebody from releasing or undoing it."""
    asked = {"action": "connectors.release", "resource": resource}
    said = person.call("GET", "/v1/access/explain", params=asked).json()
    return None if said["allowed"] else str(said["decided_by"])


def test_a_rotation_of_the_master_key_takes_the_credentials_along(
    live_gateway: LiveGateway, database: Database, bot: Installed
) -> None:
    """Wrapped anew and nothing else: the version stays, it still opens, and what was revoked has nothing to wrap."""
    bot.change(rules={"read": "allow"})
    revoked = bot.call("POST", f"{bot.path}/credentials", json={"secret": {"token": "x"}}).json()["id"]
    bot.call("POST", f"{bot.path}/credentials/{revoked}/revoke").raise_for_status()
    query = "SELECT id, secret_kid, version, updated_at, secret_ciphertext FROM connector_credentials ORDER BY id"
    before = {str(row["id"]): row for row in database.rows(query)}
    live_gateway.cli("key", "rotate")
    after = {str(row["id"]): row for row in database.rows(query)}
    mine, was = after[bot.credential_id], before[bot.credential_id]
    assert mine["secret_kid"] != was["secret_kid"]
    assert [mine[name] for name in ("version", "updated_at", "secret_ciphertext")] == [
        was[name] for name in ("version", "updated_at", "secret_ciphertext")
    ]
    assert after[revoked] == before[revoked]
    assert {row["secret_kid"] for row in after.values() if row["secret_kid"]} == {mine["secret_kid"]}
    assert bot.ask("list_channels", {}).json()["status"] == "completed"
