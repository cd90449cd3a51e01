"""Backups through the API: made, listed, looked into, checked; nothing outside the folder is reached."""

from pathlib import Path

from tests.conftest import LiveGateway
from tests.http.callers import Database, Person, assert_problem


def test_one_is_made_listed_looked_into_and_checked(live_gateway: LiveGateway, database: Database) -> None:
    made = live_gateway.call("POST", "/v1/backups", timeout=120)
    assert made.status_code == 201, made.text
    name = made.json()["name"]
    assert made.headers["Location"] == f"/v1/backups/{name}"
    assert {record["decision"] for record in database.audit(made.headers["X-Request-Id"])} == {"allow"}
    assert name in [item["name"] for item in live_gateway.call("GET", "/v1/backups").json()["items"]]
    about = live_gateway.call("GET", f"/v1/backups/{name}").json()
    assert 0 < about["tasks"] <= about["present_tasks"] or about["tasks"] == about["present_tasks"]
    assert about["command"].startswith("python app.py restore ")
    assert str(live_gateway.data_dir) in about["command"]
    assert live_gateway.call("POST", f"/v1/backups/{name}/verify").json()["ok"]
    told = live_gateway.call("GET", "/v1/events?sort=-created_at&limit=50").json()["items"]
    assert name in [event["data"]["file"] for event in told if event["name"] == "backup.completed"]


def test_damage_is_said(live_gateway: LiveGateway) -> None:
    folder = live_gateway.data_dir / "backups"
    whole = live_gateway.call("POST", "/v1/backups", timeout=120).json()["name"]
    content = bytearray((folder / whole).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "flipped.backup").write_bytes(content)
    (folder / "cut.backup").write_bytes(content[:2000])
    (folder / "gone.backup").symlink_to("nowhere")
    listed = [item["name"] for item in live_gateway.call("GET", "/v1/backups").json()["items"]]
    assert {"flipped.backup", "cut.backup"} <= set(listed)
    assert "gone.backup" not in listed
    assert not live_gateway.call("POST", "/v1/backups/flipped.backup/verify").json()["ok"]
    assert_problem(live_gateway.call("GET", "/v1/backups/cut.backup"), 409, "backup_damaged")
    for name in ("flipped.backup", "cut.backup", "gone.backup"):
        (folder / name).unlink()


def test_a_folder_that_cannot_be_looked_into_is_told(live_gateway: LiveGateway) -> None:
    setting = "/v1/settings/backups.folder"
    try:
        assert live_gateway.call("PUT", setting, json={"value": "/" + "x" * 300}).status_code == 200
        for path in ("/v1/backups", "/v1/backups/none.backup"):
            assert_problem(live_gateway.call("GET", path), 409)
    finally:
        assert live_gateway.call("DELETE", setting).status_code == 204


def test_nothing_else_is_reached(live_gateway: LiveGateway, bob: Person, tmp_path: Path) -> None:
    for name in ("..%2F..%2Fconfig.toml", "none.backup", ".hidden.backup", "..backup"):
        assert_problem(live_gateway.call("GET", f"/v1/backups/{name}"), 404)
    for method, path in (("GET", "/v1/backups"), ("POST", "/v1/backups"), ("GET", "/v1/backups/none.backup")):
        assert_problem(bob.call(method, path), 403)
