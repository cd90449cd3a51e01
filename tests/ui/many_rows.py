"""Ten thousand rows of each long list of the console, loaded straight into the tables: what long use leaves behind."""

import uuid

from tests.bench.million_records import APPEND, PARTITIONS
from tests.conftest import LiveGateway
from tests.http.callers import Database
from tests.http.things import make

COUNT = 10_000
OWNER = "(SELECT id FROM users WHERE handle = 'owner')"
AT = f"now() + (n - {COUNT}) * interval '30 s'"
A_ROW = f"uuidv7((n - {COUNT}) * interval '30 s')"
ROWS = f"generate_series(1, {COUNT}) n"

TASKS = f"""
INSERT INTO tasks (id, owner_id, project_id, name, kind, status, summary, commands, continue_on_error,
                   acceptance_criteria, tags, priority, timeout_s, network, env, metadata, attempts, exit_code, version,
                   created_at, updated_at, started_at, ended_at)
SELECT {A_ROW}, {OWNER}, :project, 'task-' || n, 'commands',
       CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'completed' END, 'make', ARRAY['make'], false, ARRAY[]::text[],
       ARRAY['many'], 0, 3600, false, '{{}}', '{{}}', 1, 0, 1, {AT}, {AT}, {AT}, {AT} + interval '9 s'
  FROM {ROWS}
"""

RUNS = """
INSERT INTO runs (id, owner_id, project_id, task_id, kind, metadata, queue, attempt, status, log_seq, created_at,
                  started_at, start_id, ended_at)
SELECT uuidv7(created_at - now()), owner_id, project_id, id, 'task', '{}', 'default', 1, status, 0, created_at,
       started_at, uuidv7(created_at - now()), ended_at
  FROM tasks WHERE name LIKE 'task-%'
"""

ARTIFACTS = f"""
INSERT INTO artifacts (id, owner_id, project_id, task_id, origin, filename, media_type, size, sha256, created_at)
SELECT {A_ROW}, {OWNER}, tasks.project_id, tasks.id, 'task', 'report-' || n || '.csv', 'text/csv', n,
       encode(sha256(n::text::bytea), 'hex'), {AT}
  FROM {ROWS} JOIN tasks ON tasks.name = 'task-' || n
"""

DELIVERIES = f"""
INSERT INTO messaging_deliveries (id, destination_id, user_id, event_name, event, status, is_digest, step, attempts,
                                  created_at, finished_at)
SELECT {A_ROW}, :destination, {OWNER}, 'task.completed',
       jsonb_build_object('name', 'task.completed', 'data', jsonb_build_object('name', 'task-' || n)),
       CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'delivered' END, false, 1, 1, {AT}, {AT}
  FROM {ROWS}
"""

ATTEMPTS = """
INSERT INTO messaging_attempts (id, delivery_id, number, status, started_at, latency_ms, response_status)
SELECT uuidv7(created_at - now()), id, 1, CASE status WHEN 'failed' THEN 'failed' ELSE 'succeeded' END, created_at, 20,
       200
  FROM messaging_deliveries
"""

THREADS = f"""
INSERT INTO chat_threads (id, owner_id, project_id, title, is_active, last_activity_at, version, created_at, updated_at)
SELECT {A_ROW}, {OWNER}, :project, 'Chat ' || n, false, {AT}, 1, {AT}, {AT} FROM {ROWS}
"""

FIRINGS = f"""
INSERT INTO schedule_runs (id, schedule_id, planned_at, fired_at, outcome, cause, task_id, result, depth, told)
SELECT {A_ROW}, :schedule, {AT}, {AT}, 'fired', 'planned', tasks.id, tasks.status, 0, true
  FROM {ROWS} JOIN tasks ON tasks.name = 'task-' || n
"""


def load(gateway: LiveGateway, records: Database) -> str:
    """Loads the rows and has PostgreSQL take stock of them; returns the id of the schedule that ran so often."""
    project = gateway.call("GET", "/v1/projects").json()["items"][0]["id"]
    destination = make(
        gateway.call, "destinations", name="many", destination_type="webhook",
        destination_config={"url": "https://example.com/many"}, is_active=False,
    )  # fmt: skip
    schedule = make(
        gateway.call, "schedules", name="Often", cron="30 2 1 1 *", payload={"kind": "commands", "commands": ["true"]}
    )
    for statement in (TASKS, RUNS, ARTIFACTS, DELIVERIES, ATTEMPTS, THREADS, FIRINGS):
        records.run(
            statement,
            **{
                name: uuid.UUID(id_)
                for name, id_ in (("project", project), ("destination", destination), ("schedule", schedule))
                if f":{name}" in statement
            },
        )
    load_audit(records)
    records.run("ANALYZE")
    return schedule


def load_audit(records: Database) -> None:
    """The records of a year, chained as the gateway chains them."""
    with records.engine.begin() as connection:
        cursor = connection.connection.cursor()
        cursor.execute(PARTITIONS)
        cursor.execute("SELECT id FROM users WHERE handle = 'owner'")
        (owner,) = cursor.fetchone() or (None,)
        for first in range(1, COUNT + 1, 1000):
            bounds = {"count": COUNT, "first": first, "last": first + 999}
            cursor.execute(APPEND, {"mia": owner, "owner": owner, **bounds})
