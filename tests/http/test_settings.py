"""Settings over HTTP."""

from gateway.features.settings.known import KNOWN
from tests.conftest import LiveGateway
from tests.http.callers import Person, assert_problem

PATH = "/v1/settings/tasks.default_timeout_s"


def test_the_list_has_every_setting_in_pages(live_gateway: LiveGateway) -> None:
    found: list[str] = []
    cursor = ""
    while cursor is not None:
        page = live_gateway.call("GET", f"/v1/settings?limit=3{cursor and f'&cursor={cursor}'}").json()
        found += [item["key"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert found == list(KNOWN)
    narrowed = live_gateway.call("GET", "/v1/settings?key_prefix=tasks.").json()["items"]
    assert [item["key"] for item in narrowed] == [key for key in KNOWN if key.startswith("tasks.")]
    assert_problem(live_gateway.call("GET", "/v1/settings?cursor=elsewhere"), 422, field="cursor")


def test_a_change_holds_at_once_and_a_lost_update_is_refused(live_gateway: LiveGateway) -> None:
    try:
        changed = live_gateway.call("PUT", PATH, json={"value": 33})
        assert changed.json()["value"] == 33
        assert live_gateway.submit(commands=["true"])["timeout_s"] == 33
        stale = {"If-Match": f'"{changed.json()["version"] - 1}"'}
        assert_problem(live_gateway.call("PUT", PATH, json={"value": 44}, headers=stale), 412, "stale_version")
        expected = {"value": 44, "expected_version": changed.json()["version"] + 1}
        assert_problem(live_gateway.call("PUT", PATH, json=expected), 409, "version_conflict")
        assert_problem(live_gateway.call("PUT", PATH, json={"value": "long"}), 422, field="value")
        assert_problem(live_gateway.call("PUT", PATH, json={}), 422, field="value")
        assert_problem(live_gateway.call("PUT", PATH, json={"value": 10**400}), 422, field="value")
        assert live_gateway.call("GET", PATH).headers["ETag"].startswith(f'"{changed.json()["version"]}-')
    finally:
        assert live_gateway.call("DELETE", PATH).status_code == 204
    assert live_gateway.call("GET", PATH).json()["source"] == "default"


def test_members_neither_see_nor_change_them(bob: Person) -> None:
    for method, path in (("GET", "/v1/settings"), ("GET", PATH), ("PUT", PATH), ("DELETE", PATH)):
        assert_problem(bob.call(method, path, **({"json": {"value": 1}} if method == "PUT" else {})), 403, "forbidden")


def test_there_is_no_other_setting(live_gateway: LiveGateway) -> None:
    assert_problem(live_gateway.call("GET", "/v1/settings/no.such"), 404, "not_found")
    assert_problem(live_gateway.call("PUT", "/v1/settings/no.such", json={"value": 1}), 404, "not_found")
