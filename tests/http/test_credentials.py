"""Credentials over HTTP: what goes in as a secret comes out nowhere, whatever is asked, and keys change underneath."""

import hashlib
import json
import uuid
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import PASSWORD, LiveGateway
from tests.http.callers import Database, Person, assert_problem, at_own_address
from tests.http.searching import dump_of, files_with, unpacked
from tests.providers.scripted_server import Exchange, scripted_server


@pytest.fixture(scope="module")
def gateway(spare_gateway: LiveGateway) -> LiveGateway:
    """One that may be stopped, and lose its key."""
    return spare_gateway


def create(gateway: LiveGateway, **fields: Any) -> dict[str, Any]:
    """A new credential of the owner."""
    wish = {"name": f"n-{uuid.uuid4()}", "secret": "sk-secret", **fields}
    answer = gateway.call("POST", "/v1/credentials", json=wish)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_a_credential_lives_by_the_conventions(live_gateway: LiveGateway) -> None:
    made = live_gateway.call("POST", "/v1/credentials", json={"name": f"c-{uuid.uuid4()}", "secret": "s", "kind": "x"})
    path = made.headers["Location"]
    assert path == f"/v1/credentials/{made.json()['id']}"
    read = live_gateway.call("GET", path)
    assert read.json() == made.json()
    assert read.headers["ETag"].startswith('"1-')
    patched = live_gateway.call("PATCH", path, json={"metadata": {"a": 1}}, headers={"If-Match": '"1"'})
    assert (patched.json()["metadata"], patched.json()["version"]) == ({"a": 1}, 2)
    assert_problem(live_gateway.call("PATCH", path, json={}, headers={"If-Match": '"1"'}), 412)
    rotated = live_gateway.call("POST", f"{path}/rotate", json={"secret": "t"}).json()
    assert rotated["rotated_at"] is not None
    assert live_gateway.call("POST", f"{path}/disable").json()["is_active"] is False
    listed = live_gateway.call("GET", "/v1/credentials?kind=x&is_active=false").json()["items"]
    assert made.json()["id"] in [item["id"] for item in listed]
    assert live_gateway.call("POST", f"{path}/enable").json()["is_active"] is True
    assert live_gateway.call("DELETE", path).status_code == 204
    assert_problem(live_gateway.call("GET", path), 404)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "a\nb"), ("secret", ""), ("secret", "  "), ("secret", 5), ("secret", "x" * 16_385),
     ("kind", "No Kind"), ("metadata", []), ("project_id", "x"), ("project_id", str(uuid.UUID(int=7 << 76)))],
)  # fmt: skip
def test_a_bad_field_is_named(live_gateway: LiveGateway, field: str, value: Any) -> None:
    wish = {"name": "bad", "secret": "sk-canary-bad", field: value}
    answer = live_gateway.call("POST", "/v1/credentials", json=wish)
    assert_problem(answer, 422, field=field)
    assert "canary" not in answer.text


def test_no_secret_is_found_anywhere(gateway: LiveGateway) -> None:
    """Planted canaries against answers, audit and its export, chats, a dump, a backup, every file and command line."""
    canary = f"canary-{uuid.uuid4().hex}"
    call = gateway.call
    made = call("POST", "/v1/credentials", json={"name": "planted", "secret": f"sk-{canary}"},
                headers={"Idempotency-Key": "plant"})  # fmt: skip
    path = f"/v1/credentials/{made.json()['id']}"
    answers = [made, *_hostile_requests(gateway, path, canary)]
    answers += [call("POST", f"{path}/{method}") for method in ("disable", "enable")]
    answers += _chats_with_a_server_that_repeats_the_key(gateway, made.json()["id"], canary)
    gateway.cli("key", "rotate")
    answers.append(call("DELETE", path))
    lists = ("credentials", "events", "tokens", "projects", "tasks", "providers", "chat/threads", "audit")
    answers += [_everything(gateway, path) for path in lists]
    exports = ("audit/export", *(f"export/{name}" for name in ("credentials", "events", "audit", "chat/threads")))
    answers += [call("GET", f"/v1/{path}") for path in exports]
    answers += [call("GET", "/openapi.json"), call("GET", "/metrics"), call("GET", "/v1/capabilities")]
    assert [answer.url for answer in answers if canary in answer.text] == []
    dump = dump_of(gateway)
    assert canary not in dump
    assert "planted" in dump
    backup = unpacked(gateway.data_dir / "backups" / call("POST", "/v1/backups", timeout=120).json()["name"])
    assert canary not in backup
    assert "planted" in backup
    assert gateway.process is not None
    family = [
        gateway.process.pid,
        *(child.pid for child in psutil.Process(gateway.process.pid).children(True)),
    ]
    assert [pid for pid in family if canary in " ".join(psutil.Process(pid).cmdline())] == []
    assert gateway.stop() == 0
    found = {word: files_with(gateway.data_dir, word.encode()) for word in (canary, "planted")}
    gateway.start().wait_ready()
    assert found[canary] == []
    assert canary not in gateway.stderr.read_text()
    assert found["planted"] != [], "the search finds what is there"


def _hostile_requests(gateway: LiveGateway, path: str, canary: str) -> list[httpx.Response]:
    """Requests with the canary in every wrong place but an address or a name."""
    call, new = gateway.call, "/v1/credentials"
    secret = f"sk-{canary}"
    refused = [
        call("POST", new, json={"name": "planted", "secret": secret}),
        call("POST", new, json={"name": "planted", "secret": secret}, headers={"Idempotency-Key": "plant"}),
        call("POST", new, json={"name": "other", "secret": secret}, headers={"Idempotency-Key": "plant"}),
        call("POST", new, json={"name": "", "secret": secret}),
        call("POST", new, json={"secret": secret}),
        call("POST", new, json={"name": "x", "secret": [secret]}),
        call("POST", new, json={"name": "x", "secret": {"value": secret}}),
        call("POST", new, json={"name": "x", "secret": f"{secret}\0"}),
        call("POST", new, json={"name": "x", "secret": secret * 2000}),
        call("POST", new, json={"name": "x", "secret": secret, "unknown": secret}),
        call("POST", new, content=b'{"name": "x", "secret": "' + secret.encode()),
        call("POST", new, content=json.dumps([secret]), headers={"Content-Type": "application/json"}),
        call("POST", new, data={"secret": secret}),
        call("PATCH", path, json={"secret": secret}),
        call("POST", f"{path}/rotate", json={"secret": secret, "name": secret}),
        call("POST", f"{new}/{uuid.uuid4()}/rotate", json={"secret": secret}),
        gateway.http.post(gateway.url + new, json={"name": "x", "secret": secret}),
    ]
    assert all(answer.status_code >= 400 or "Idempotency-Replayed" in answer.headers for answer in refused)
    rotated = call("POST", f"{path}/rotate", json={"secret": secret}, headers={"Idempotency-Key": "turn"})
    assert rotated.status_code == 200
    return [*refused, rotated]


def _chats_with_a_server_that_repeats_the_key(
    gateway: LiveGateway, credential_id: str, canary: str
) -> list[httpx.Response]:
    """What comes of calls with the credential, of which one is refused by naming it; and the chats that stay."""

    def serve(exchange: Exchange) -> None:
        key = exchange.headers["Authorization"]
        assert canary in key
        if b"refuse" in exchange.body:
            exchange.json({"error": {"message": f"Incorrect API key provided: {key}.", "code": key}}, 401)
        else:
            choice = {"index": 0, "message": {"role": "assistant", "content": "planted"}, "finish_reason": "stop"}
            exchange.json({"id": "x", "object": "chat.completion", "created": 1, "choices": [choice]})

    name = f"repeats-{uuid.uuid4().hex[:8]}"
    with scripted_server(serve) as server:
        wish = {"name": name, "kind": "openai_compatible", "base_url": f"{server.url}/v1", "models": ["m"]}
        provider = gateway.call("POST", "/v1/providers", json={**wish, "credential_id": credential_id})
        assert provider.status_code == 201, provider.text
        said = [
            gateway.call("POST", "/v1/chat/completions", json={
                "model": f"{name}/m", "stream": stream, "messages": [{"role": "user", "content": text}]})
            for text in ("planted", "refuse") for stream in (False, True)
        ]  # fmt: skip
        tried = gateway.call("POST", f"/v1/providers/{provider.json()['id']}/test")
        assert len(server.requests) >= len(said)
    gone = gateway.call("DELETE", f"/v1/providers/{provider.json()['id']}")
    assert gone.status_code == 204, gone.text
    threads = gateway.call("GET", "/v1/chat/threads").json()["items"]
    messages = [gateway.call("GET", f"/v1/chat/threads/{thread['id']}/messages") for thread in threads]
    assert any("planted" in page.text for page in messages)
    return [*said, tried, *messages]


def _everything(gateway: LiveGateway, name: str) -> httpx.Response:
    answer = gateway.call("GET", f"/v1/{name}?limit=200")
    assert answer.status_code == 200, answer.text
    return answer


def test_a_replayed_answer_holds_no_secret_and_its_fingerprint_cannot_be_tried(
    live_gateway: LiveGateway, database: Database
) -> None:
    key, body = str(uuid.uuid4()), {"name": f"once-{uuid.uuid4()}", "secret": "1234"}
    headers = {"Idempotency-Key": key}
    first, again = (live_gateway.call("POST", "/v1/credentials", json=body, headers=headers) for _ in range(2))
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    other = live_gateway.call("POST", "/v1/credentials", json={**body, "secret": "4321"}, headers=headers)
    assert_problem(other, 422, "idempotency_key_reused")
    start = b"POST /v1/credentials?\napplication/json\nNone\n"
    plain = hashlib.sha256(start + first.request.content).digest()
    [row] = database.rows("SELECT fingerprint FROM idempotency_keys WHERE key = :key", key=key)
    assert bytes(row["fingerprint"]) != plain


def test_only_a_signed_in_owner_gets_the_recovery_kit(gateway: LiveGateway) -> None:
    path = "/v1/credentials/recovery-kit"
    assert gateway.call("GET", path).json() == {"exists": False, "created_at": None}
    hint = {item["name"]: item for item in gateway.call("GET", "/v1/capabilities").json()["items"]}["recovery_kit"]
    assert (hint["available"], "app.py key kit" in hint["remedy"]) == (False, True)
    assert_problem(gateway.call("POST", path), 403, "forbidden")
    with at_own_address(base_url=gateway.url) as browser:
        opened = browser.post("/v1/auth/session", json={"handle": "owner", "password": PASSWORD}).json()
        headers = {"X-CSRF-Token": opened["csrf_token"]}
        assert_problem(browser.post(path, headers={**headers, "Idempotency-Key": "x"}), 422, field="Idempotency-Key")
        made = browser.post(path, headers=headers)
    assert made.status_code == 201, made.text
    assert made.headers["Cache-Control"] == "no-store"
    assert len(made.json()["recovery_key"].split("-")) == 14
    known = gateway.call("GET", path).json()
    assert known == {"exists": True, "created_at": made.json()["created_at"]}
    assert files_with(gateway.data_dir, made.json()["recovery_key"].encode()) == []


def test_a_lost_key_answers_503_with_the_remedy_and_comes_back_by_the_kit(gateway: LiveGateway) -> None:
    kit = gateway.cli("key", "kit")
    made = create(gateway)
    gateway.stop()
    file = gateway.data_dir / "keys" / f"master-{made['key_id']}.key"
    file.unlink()
    gateway.start().wait_ready()
    lost = gateway.call("POST", "/v1/credentials", json={"name": "x", "secret": "x"})
    assert_problem(lost, 503, "master_key_missing")
    assert "app.py key recover" in lost.json()["detail"]
    assert gateway.call("GET", f"/v1/credentials/{made['id']}").status_code == 200
    assert not file.exists()
    assert "missing" in gateway.cli("key", "status").splitlines()[0]
    typed = "".join(line for line in kit.splitlines() if line.count("-") == 6)
    assert gateway.cli("key", "recover", stdin=typed).startswith("restored ")
    assert gateway.call("POST", "/v1/credentials", json={"name": "x", "secret": "x"}).status_code == 201


def test_a_running_gateway_seals_with_the_new_key_at_once(live_gateway: LiveGateway) -> None:
    before = create(live_gateway)
    said = live_gateway.cli("key", "rotate")
    kid = said.split()[0]
    assert kid != before["key_id"]
    assert create(live_gateway)["key_id"] == kid
    assert live_gateway.call("GET", f"/v1/credentials/{before['id']}").json()["key_id"] == kid


def test_members_keep_their_own_secrets(bob: Person, live_gateway: LiveGateway) -> None:
    made = bob.call("POST", "/v1/credentials", json={"name": "mine", "secret": "x"})
    assert made.status_code == 201, made.text
    assert [item["name"] for item in bob.call("GET", "/v1/credentials").json()["items"]] == ["mine"]
    assert live_gateway.call("GET", made.headers["Location"]).json()["owner_id"] == made.json()["owner_id"]
    assert_problem(bob.call("POST", "/v1/credentials/recovery-kit"), 403, "forbidden")
