"""Time to resolve a task's preferences when there are 10,000 entries, and to ask what they forbid."""

import time
import uuid
from collections.abc import Callable

import psycopg

from gateway.core.database import Database
from gateway.core.identity import SYSTEM
from gateway.core.unit_of_work import Work, unit_of_work
from gateway.features.preferences import service as preferences
from tests.bench.figures import Figure, median, percentile
from tests.bench.stage import Stage

ENTRIES = 10_000
KEYS = 40
"""Keys with an entry at each scope."""
REPEATS = 300
GOAL_P95_MS = 5.0

_INSERT = """
    INSERT INTO preference_entries
        (id, scope_type, scope_id, owner_id, key, value, value_type, version, updated_at, updated_by)
    SELECT gen_random_uuid(), %(scope_type)s, %(scope_id)s, %(owner_id)s, 'bench.key' || n, '"value"', 'string', 1,
           now(), 'bench'
      FROM generate_series(1, %(count)s) AS n
"""


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """A task whose scopes all have entries, among the entries of many other users."""
    user_id, project_id, task_id = (uuid.uuid4() for _ in range(3))
    with psycopg.connect(stage.database_url) as connection:
        scopes = [("system", None), ("user", user_id), ("project", project_id), ("task", task_id)]
        scopes += [("user", uuid.uuid4()) for _ in range(ENTRIES // KEYS - len(scopes))]
        for scope_type, scope_id in scopes:
            values = {"scope_type": scope_type, "scope_id": scope_id, "owner_id": scope_id, "count": KEYS}
            connection.execute(_INSERT, values)
        connection.execute("ANALYZE preference_entries")
    database = Database(stage.database_url)
    try:
        timed: dict[str, Callable[[Work], object]] = {
            "preferences: resolve a task's": lambda work: preferences.values(work, user_id, project_id, task_id),
            "preferences: what they forbid": lambda work: preferences.constraints(work, user_id, project_id, task_id),
        }
        found = []
        for name, call in timed.items():
            latencies = [_latencies_ms(database, call) for _ in range(rounds)]
            for percent, goal in ((50, None), (95, GOAL_P95_MS)):
                value = median([percentile(one, percent) for one in latencies])
                found.append(Figure(f"{name}, p{percent}", value, "ms", goal))
        return found
    finally:
        database.dispose()
        with psycopg.connect(stage.database_url) as connection:
            connection.execute("DELETE FROM preference_entries WHERE updated_by = 'bench'")


def _latencies_ms(database: Database, call: Callable[[Work], object]) -> list[float]:
    with unit_of_work(database.sessions, SYSTEM) as work:
        call(work)
        latencies = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            call(work)
            latencies.append(1000 * (time.perf_counter() - began))
    return latencies
