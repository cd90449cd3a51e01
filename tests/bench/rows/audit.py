"""The audit record with 1,000,000 records of a year: appending, any documented filter, verifying, exporting.

`AUDIT_RECORDS=10000000` takes ten times as many.
"""

import time
from urllib.parse import urlencode

from tests.bench import load, million_records
from tests.bench.figures import Figure, median, percentile
from tests.bench.million_records import COUNT, Landmarks
from tests.bench.stage import Stage, query
from tests.conftest import PASSWORD, LiveGateway

REQUESTS = 60
GOAL_P95_MS = 20.0


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """The 95th percentile of each list, one client; then the whole chain, once."""
    gateway = stage.gateway
    if not query(stage.database_url, "SELECT FROM users WHERE handle = 'mia'"):
        gateway.cli("user", "create", "mia", stdin=PASSWORD + "\n")
    places = million_records.load(stage.database_url)
    found = [Figure(f"append one of {COUNT:,} audit records, a thousand at once", places.append_us, "µs")]
    login = gateway.http.post(gateway.url + "/v1/auth/login", json={"handle": "mia", "password": PASSWORD})
    callers = {"the owner": gateway.token, "a member": str(login.json()["access_token"])}
    for caller, token in callers.items():
        for name, options in _lists(places, _middle(gateway, places)).items():
            path = "/v1/audit?" + urlencode({"limit": 100, **options})
            wanted = load.Load(gateway.url, [("GET", path, None)], token, clients=1, seconds=30, count=REQUESTS)
            p95 = median([1000 * percentile(load.run(wanted).latencies, 95) for _ in range(rounds)])
            found.append(Figure(f"audit list 100 of {COUNT:,}, {name}, {caller}, p95", p95, "ms", GOAL_P95_MS))
    return [*found, *_whole(gateway)]


def _whole(gateway: LiveGateway) -> list[Figure]:
    began = time.perf_counter()
    verified = gateway.call("GET", "/v1/audit/verify", timeout=3600).json()
    verify_s = time.perf_counter() - began
    if not verified["ok"]:
        raise RuntimeError(f"the chain does not hold: {verified['first_bad']}")
    began = time.perf_counter()
    size = 0
    with gateway.http.stream(
        "GET", gateway.url + "/v1/audit/export", headers={"Authorization": f"Bearer {gateway.token}"}, timeout=3600
    ) as answer:
        for piece in answer.iter_bytes():
            size += len(piece)
    export_s = time.perf_counter() - began
    return [
        Figure("verify 1,000,000 audit records", verify_s * 1e6 / verified["checked"], "s"),
        Figure("export 1,000,000 audit records", export_s * 1e6 / verified["checked"], "s"),
        Figure("export audit records", size / export_s / 1e6, "MB/s", higher_is_better=True),
    ]


def _middle(gateway: LiveGateway, places: Landmarks) -> str:
    """The cursor of a page half-way down."""
    answer = gateway.call("GET", "/v1/audit", params={"limit": 1, "created_before": places.middle_time})
    return str(answer.json()["next_cursor"])


def _lists(places: Landmarks, middle: str) -> dict[str, dict[str, str]]:
    deep = {"cursor": middle}
    return {
        "first page": {},
        "page in the middle": deep,
        "actor": {"actor": "mia"},
        "actor, page in the middle": {"actor": "mia", **deep},
        "rare actor": {"actor": "anonymous"},
        "unknown actor": {"actor": "nobody"},
        "action": {"action": "tasks.read"},
        "rare action": {"action": "users.reset_password"},
        "actions of a room": {"action": "tasks.*"},
        "rare room": {"action": "users.*"},
        "unknown room": {"action": "nothing.*"},
        "kind": {"resource": "tasks"},
        "rare kind": {"resource": "users"},
        "one resource": {"resource": f"tasks/{places.resource_id}"},
        "denied": {"decision": "deny"},
        "denied, page in the middle": {"decision": "deny", **deep},
        "request": {"request_id": places.request_id},
        "rare way in": {"via": "none"},
        "created after": {"created_after": places.middle_time},
        "created before": {"created_before": places.middle_time},
        "actor and action": {"actor": "mia", "action": "events.read"},
        "actor and rare action": {"actor": "owner", "action": "users.reset_password"},
        "denied of a room": {"decision": "deny", "action": "runs.*"},
        "actor, denied": {"actor": "mia", "decision": "deny"},
    }
