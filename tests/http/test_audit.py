"""The audit record over HTTP: filters, who sees what, exports, what is kept, and that it holds no secret."""

import csv
import io
import json
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from gateway.core.clock import first_id_at
from tests.conftest import LiveGateway, wait_until
from tests.http.callers import Database, Person, assert_problem

Items = list[dict[str, Any]]


def listed(caller: LiveGateway | Person, **filters: Any) -> Items:
    answer = caller.call("GET", "/v1/audit", params=filters)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def lines(answer: httpx.Response) -> Items:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_request_is_found_by_its_id_with_all_that_was_recorded(live_gateway: LiveGateway) -> None:
    answer = live_gateway.call("GET", "/v1/tasks", headers={"X-Request-Id": f"wanted-{uuid.uuid4()}"})
    [item] = listed(live_gateway, request_id=answer.headers["X-Request-Id"])
    assert (item["actor"], item["action"], item["decision"]) == ("owner", "tasks.read", "allow")
    assert item["resource"] == {"kind": "tasks", "id": None}
    assert item["roles"] == ["owner"]
    assert item["credential_id"] is not None
    assert item["address"] == "127.0.0.1"
    assert item["seq"] > 0
    assert item["time"].endswith("Z")
    assert len(bytes.fromhex(item["hash"])) == 32
    assert live_gateway.call("GET", f"/v1/audit/{item['id']}").json() == item


def test_every_filter_gives_what_it_names_and_filters_add_up(live_gateway: LiveGateway, bob: Person) -> None:
    task = live_gateway.submit(commands=["true"])["id"]
    assert bob.call("GET", f"/v1/tasks/{task}").status_code == 404
    assert bob.call("GET", "/v1/users/me").status_code == 200
    me = bob.call("GET", "/v1/users/me").json()["id"]
    about = listed(live_gateway, resource=f"tasks/{task}")
    moment = about[0]["time"]
    first_id = str(first_id_at(datetime.fromisoformat(moment)))  # times filter by the millisecond in a record's id
    via = listed(live_gateway, actor="bob")[0]["via"]
    fits: dict[str, tuple[Any, Callable[[dict[str, Any]], bool]]] = {
        "actor": ("bob", lambda item: item["actor"] == "bob"),
        "action": ("tasks.*", lambda item: item["action"].startswith("tasks.")),
        "resource": (f"tasks/{task}", lambda item: item["resource"] == {"kind": "tasks", "id": task}),
        "decision": ("deny", lambda item: item["decision"] == "deny"),
        "created_after": (moment, lambda item: item["id"] >= first_id),
        "created_before": (moment, lambda item: item["id"] < first_id),
        "via": (via, lambda item: item["via"] == via),
    }
    for name, (value, fitting) in fits.items():
        items = listed(live_gateway, **{name: value})
        assert items, name
        assert all(map(fitting, items)), name
    for name, value in {"actor": me, "action": "self.read", "resource": "users"}.items():
        assert listed(live_gateway, **{"actor": "bob", name: value})[0]["actor_id"] == me, name
    assert listed(live_gateway, resource=task) == listed(live_gateway, resource=f"tasks/{task}")
    [denied] = listed(live_gateway, resource=f"tasks/{task}", actor="bob", decision="deny")
    assert denied["actor_id"] == me
    assert listed(live_gateway, resource=f"tasks/{task}", actor="nobody-of-that-name") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("action", "*.read"), ("action", "tasks.%"), ("decision", "maybe"), ("created_after", "yesterday"), ("actr", "x")],
)
def test_a_filter_that_means_nothing_is_refused(live_gateway: LiveGateway, name: str, value: str) -> None:
    answer = live_gateway.call("GET", "/v1/audit", params={name: value})
    assert_problem(answer, 422, field=name)


def test_pages_give_every_record_once_newest_first(live_gateway: LiveGateway, bob: Person) -> None:
    me = bob.call("GET", "/v1/users/me").json()["id"]
    last = listed(live_gateway, actor=me, limit=1)[0]["time"]
    seen: Items = []
    cursor: dict[str, str] = {}
    while True:
        page = live_gateway.call(
            "GET", "/v1/audit", params={"actor": me, "created_before": last, "limit": 3, **cursor}
        ).json()
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    ids = [item["id"] for item in seen]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) > 3


def test_a_member_sees_what_they_did_and_nothing_of_others(live_gateway: LiveGateway, bob: Person) -> None:
    live_gateway.call("GET", "/v1/tasks")
    theirs = listed(live_gateway, actor="owner", limit=1)[0]
    assert {item["actor"] for item in listed(bob, limit=200)} == {"bob"}
    assert listed(bob, actor="owner") == []
    assert listed(bob, actor="anonymous") == []
    assert_problem(bob.call("GET", f"/v1/audit/{theirs['id']}"), 404)
    assert {item["actor"] for item in lines(bob.call("GET", "/v1/audit/export"))} == {"bob"}
    for path in ("verify", "checkpoints", "key"):
        assert_problem(bob.call("GET", f"/v1/audit/{path}"), 403)


def test_a_viewer_reads_their_own_and_takes_nothing_away(viewer: Person) -> None:
    viewer.call("GET", "/v1/tasks")
    assert {item["actor"] for item in listed(viewer)} == {"vera"}
    assert_problem(viewer.call("GET", "/v1/audit/export"), 403)


def test_reading_the_record_is_recorded(live_gateway: LiveGateway, database: Database) -> None:
    for path, action in {"": "read", "/export": "export", "/verify": "verify", "/key": "verify"}.items():
        answer = live_gateway.call("GET", f"/v1/audit{path}")
        assert answer.status_code == 200, answer.text
        [record] = database.audit(answer.headers["X-Request-Id"])
        assert (record["action"], record["resource_kind"]) == (f"audit.{action}", "audit")


def test_an_export_is_the_list_in_the_order_of_numbers(live_gateway: LiveGateway, bob: Person) -> None:
    bob.call("GET", "/v1/tasks")
    wanted = {"actor": "bob", "action": "self.*"}
    shown = listed(live_gateway, limit=200, **wanted)
    answer = live_gateway.call("GET", "/v1/audit/export", params=wanted)
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="audit-')
    assert lines(answer) == sorted(shown, key=lambda item: item["seq"])
    table = live_gateway.call("GET", "/v1/audit/export", params={**wanted, "format": "csv"})
    assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [(row["id"], row["hash"]) for row in rows] == [(item["id"], item["hash"]) for item in lines(answer)]


def test_no_cell_of_a_csv_is_a_formula(live_gateway: LiveGateway, stranger: httpx.Client) -> None:
    formula = f"=cmd|{uuid.uuid4().hex}!A1"
    live_gateway.call("GET", "/v1/tasks", headers={"X-Request-Id": formula})
    exported = live_gateway.call("GET", "/v1/audit/export", params={"format": "csv", "action": "tasks.read"}).text
    rows = list(csv.reader(io.StringIO(exported)))
    assert rows[0][0] == "seq"
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_what_is_recorded_of_a_task_is_kept_when_it_is_deleted(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(commands=["true"])["id"]
    live_gateway.wait(task)
    assert live_gateway.call("DELETE", f"/v1/tasks/{task}").status_code == 204
    actions = {item["action"] for item in listed(live_gateway, resource=f"tasks/{task}")}
    assert {"tasks.delete", "tasks.read"} <= actions


def test_no_record_holds_a_secret(live_gateway: LiveGateway, bob: Person, database: Database) -> None:
    canary = f"canary-{uuid.uuid4().hex}"
    wish = {"prompt": f"{canary} prompt", "env": {"A": f"{canary} env"}, "metadata": {"a": canary}}
    live_gateway.call("POST", f"/v1/tasks/{live_gateway.submit(**wish)['id']}/cancel")
    live_gateway.call("POST", "/v1/tasks", json={"commands": [canary], "script": {"content": canary}})
    login = {"handle": canary, "password": canary}
    assert live_gateway.http.post(live_gateway.url + "/v1/auth/login", json=login).status_code == 401
    live_gateway.call("GET", "/v1/tasks", headers={"Authorization": f"Bearer uag_{canary}"})
    live_gateway.call("GET", "/v1/tasks", headers={"Cookie": f"gateway={canary}"})
    live_gateway.http.post(live_gateway.url + "/v1/auth/refresh", json={"refresh_token": f"ugr_{canary}"})
    live_gateway.http.post(live_gateway.url + "/v1/auth/session", json={"code": canary[:11]})
    live_gateway.http.put(live_gateway.url + f"/v1/users/me/password?token={canary}", json={"password": canary})
    found = database.rows(
        "SELECT action, reason FROM audit_records r WHERE strpos(r::text, :a) > 0 OR strpos(r::text, :b) > 0",
        a=canary, b=bob.token,
    )  # fmt: skip
    assert found == []


def test_the_chain_of_a_gateway_at_work_holds_and_is_signed_when_it_stops(spare_gateway: LiveGateway) -> None:
    spare_gateway.submit(commands=["true"])
    before = spare_gateway.call("GET", "/v1/audit/checkpoints").json()["items"]
    spare_gateway.stop()
    spare_gateway.start().wait_ready()
    found = spare_gateway.call("GET", "/v1/audit/verify").json()
    assert (found["ok"], found["first_bad"]) == (True, None)
    assert found["checkpoints"]["checked"] == len(before) + 1
    checkpoint, *earlier = spare_gateway.call("GET", "/v1/audit/checkpoints").json()["items"]
    assert earlier == before
    key = spare_gateway.call("GET", "/v1/audit/key").json()
    assert checkpoint["key_id"] == key["key_id"] == found["key"]["key_id"]
    verify_signature(checkpoint, key["public_key"])
    kept = spare_gateway.data_dir / "keys" / "audit_checkpoint.json"
    assert json.loads(kept.read_text())["seq"] == checkpoint["seq"]
    assert wait_until(lambda: spare_gateway.call("GET", f"/v1/audit/verify?since={checkpoint['seq']}").json()["ok"], 20)


def verify_signature(checkpoint: dict[str, Any], public_key: str) -> None:
    """As the documentation tells to, with what the API shows; raises when it does not fit."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signed = ("user-api-gateway audit checkpoint", str(checkpoint["seq"]), checkpoint["hash"], checkpoint["time"])
    message = "".join(f"{line}\n" for line in signed).encode()
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    key.verify(bytes.fromhex(checkpoint["signature"]), message)
