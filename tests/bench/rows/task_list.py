"""A list of 100 out of 1,000,000 tasks: any page, any documented filter, for who sees all and who sees their own."""

from datetime import UTC, datetime
from urllib.parse import urlencode
from uuid import UUID

from gateway.core.paging import tied_cursor
from gateway.features.tasks.api import SORTS
from gateway.features.tasks.models import Task
from tests.bench import load, million_tasks
from tests.bench.figures import Figure, median, percentile
from tests.bench.million_tasks import COMMON_WORD, RARE_WORD, Landmarks
from tests.bench.stage import Stage, query
from tests.conftest import PASSWORD, LiveGateway

COUNT = 60
GOAL_P95_MS = 20.0


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """The 95th percentile of each list, one client."""
    gateway = stage.gateway
    if not query(stage.database_url, "SELECT FROM users WHERE handle = 'mia'"):
        gateway.cli("user", "create", "mia", stdin=PASSWORD + "\n")
    places = million_tasks.load(stage.database_url)
    callers = {"the owner, who sees all": gateway.token, "a member, who sees 200,000": _member_token(gateway)}
    found = []
    for caller, token in callers.items():
        for name, options in _lists(places, _middle(gateway, places)).items():
            path = "/v1/tasks?" + urlencode({"limit": 100, **options})
            wanted = load.Load(gateway.url, [("GET", path, None)], token, clients=1, seconds=30, count=COUNT)
            p95 = median([1000 * percentile(load.run(wanted).latencies, 95) for _ in range(rounds)])
            found.append(Figure(f"list 100 of 1,000,000 tasks, {name}, {caller}, p95", p95, "ms", GOAL_P95_MS))
    return found


def _middle(gateway: LiveGateway, places: Landmarks) -> str:
    """The cursor of a page half-way down."""
    answer = gateway.call("GET", "/v1/tasks", params={"limit": 1, "created_before": places.middle_time})
    return str(answer.json()["next_cursor"])


def _lists(places: Landmarks, middle: str) -> dict[str, dict[str, str]]:
    deep = {"cursor": middle}
    return {
        "first page": {},
        "page 5,000": deep,
        "status=completed": {"status": "completed"},
        "status=failed, page in the middle": {"status": "failed", **deep},
        "status=running": {"status": "running"},
        "project": {"project_id": places.project_id},
        "project, page in the middle": {"project_id": places.project_id, **deep},
        "tag": {"tag": "tag-1"},
        "rare tag, page in the middle": {"tag": "tag-20", **deep},
        "unknown tag": {"tag": "nothing"},
        "session": {"session_id": places.session_id},
        "created after": {"created_after": places.middle_time},
        "created before": {"created_before": places.middle_time},
        "common word": {"q": COMMON_WORD},
        "common word, page in the middle": {"q": COMMON_WORD, **deep},
        "rare word": {"q": RARE_WORD},
        "unknown word": {"q": "nothing"},
        "two words": {"q": f"{COMMON_WORD} word7"},
        "status and rare tag": {"status": "failed", "tag": "tag-20"},
        "rare status and tag": {"status": "running", "tag": "tag-1"},
        "status and common word": {"status": "failed", "q": COMMON_WORD},
        "rare status and common word": {"status": "running", "q": COMMON_WORD},
        "project and common word": {"project_id": places.project_id, "q": COMMON_WORD},
        **{f"by {sort}": {"sort": sort} for sort in SORTS},
        **{f"by {sort}, page in the middle": {"sort": sort, "cursor": _half_way(sort)} for sort in SORTS},
        "by name, rare tag": {"sort": "name", "tag": "tag-20"},
        "by duration, failed": {"sort": "-duration_s", "status": "failed"},
        "by duration, project": {"sort": "-duration_s", "project_id": places.project_id},
        "by status, common word": {"sort": "status", "q": COMMON_WORD},
    }


def _half_way(sort: str) -> str:
    """The cursor of a page in the middle of that order."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end = start + million_tasks.LONGEST / 2
    row = Task(id=UUID(int=0), name="task-500000", status="completed", started_at=start, ended_at=end)
    return tied_cursor(row, SORTS[sort], Task.id)


def _member_token(gateway: LiveGateway) -> str:
    answer = gateway.http.post(gateway.url + "/v1/auth/login", json={"handle": "mia", "password": PASSWORD})
    return str(answer.json()["access_token"])
