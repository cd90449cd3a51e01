"""A database with 1,000,000 tasks of a year, loaded straight into the tables: what long use leaves behind."""

from dataclasses import dataclass
from datetime import timedelta

import psycopg

COUNT = 1_000_000
COMMON_WORD, RARE_WORD = "report", "zymurgy"
WORDS = 2_000
LONGEST = timedelta(minutes=10)

LOAD = f"""
INSERT INTO projects (id, owner_id, slug, display_name, description, is_active, is_default, version, created_at,
                      updated_at)
SELECT uuidv7(), (SELECT id FROM users WHERE handle = 'owner'), 'bench-' || n, 'Bench', '', true, false, 1, now(), now()
  FROM generate_series(1, 5) n;

INSERT INTO sessions (id, owner_id, project_id, title, version, created_at, updated_at)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(20 * n), 12, '0'))::uuid,
       (SELECT id FROM users WHERE handle = 'owner'),
       (SELECT id FROM projects WHERE slug = 'bench-1'), 'Bench', 1, now(), now()
  FROM generate_series(0, 249) n;

CREATE UNLOGGED TABLE bench AS
SELECT n, uuidv7((n - {COUNT}) * interval '30 s') AS id, now() + (n - {COUNT}) * interval '30 s' AS at,
       random() AS luck, random() AS share, 1 + floor(20 * random() ^ 2)::int AS tag, random() AS word
  FROM generate_series(1, {COUNT}) n;

INSERT INTO tasks (id, owner_id, project_id, session_id, name, kind, status, summary, commands, continue_on_error,
                   acceptance_criteria, tags, priority, timeout_s, network, env, metadata, attempts, exit_code, error,
                   version, created_at, updated_at, started_at, ended_at)
SELECT bench.id,
       CASE WHEN share < 0.2 THEN member.id ELSE owner.id END,
       (SELECT array_agg(id ORDER BY slug) FROM projects WHERE slug LIKE 'bench-%')[1 + n % 5],
       CASE WHEN n % 20 = 0 THEN ('00000000-0000-7000-8000-' || lpad(to_hex(n % 5000), 12, '0'))::uuid END,
       'task-' || n, 'commands',
       CASE WHEN luck < 0.9 THEN 'completed' WHEN luck < 0.96 THEN 'failed' WHEN luck < 0.99 THEN 'canceled'
            WHEN luck < 0.996 THEN 'queued' WHEN luck < 0.9999 THEN 'waiting' ELSE 'running' END,
       concat_ws(' ', 'make', 'word' || floor({WORDS} * word ^ 3), 'word' || floor({WORDS} * (1 - word) ^ 3),
                 CASE WHEN n % 3 = 0 THEN '{COMMON_WORD}' END, CASE WHEN n % 200000 = 7 THEN '{RARE_WORD}' END),
       ARRAY['make'], false, ARRAY[]::text[], ARRAY['tag-' || tag], 0, 3600, false, '{{}}', '{{}}', 1, 0, NULL,
       1, at, at, at, at + share * interval '{LONGEST.total_seconds()} s'
  FROM bench, (SELECT id FROM users WHERE handle = 'mia') member(id), (SELECT id FROM users WHERE handle = 'owner')
       owner(id);

INSERT INTO task_tags (owner_id, tag, task_id) SELECT owner_id, tags[1], id FROM tasks WHERE name LIKE 'task-%';
DROP TABLE bench;
"""


@dataclass(frozen=True)
class Landmarks:
    """Values that occur in the loaded rows."""

    project_id: str
    session_id: str
    middle_time: str


def load(url: str) -> Landmarks:
    """Loads the rows and lets PostgreSQL take stock of them. The users `owner` and `mia` must be there."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute(LOAD)
        for table in ("tasks", "task_tags"):
            connection.execute(f"VACUUM ANALYZE {table}")
        row = connection.execute(
            """SELECT project_id::text, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                 FROM tasks WHERE name = %s""",
            [f"task-{COUNT // 2}"],
        ).fetchone()
    assert row is not None
    return Landmarks(row[0], f"00000000-0000-7000-8000-{1000:012x}", row[1])
