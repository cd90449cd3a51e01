"""A chain of 1,000,000 audit records over a year, appended as the gateway appends them."""

import os
import time
from dataclasses import dataclass

import psycopg

COUNT = int(os.environ.get("AUDIT_RECORDS", "1000000"))
PAGE = 1000

PARTITIONS = """
    SELECT audit_add_partition((date_trunc('month', now()) - n * interval '1 month')::date)
      FROM generate_series(1, 13) n
"""

APPEND = """
    SELECT audit_append(jsonb_agg(jsonb_build_object(
        'id', uuidv7(age), 'time', now() + age,
        'actor_id', CASE WHEN n %% 1000 = 7 THEN NULL WHEN n %% 5 = 0 THEN %(mia)s::uuid ELSE %(owner)s::uuid END,
        'actor', CASE WHEN n %% 1000 = 7 THEN 'anonymous' WHEN n %% 5 = 0 THEN 'mia' ELSE 'owner' END,
        'groups', '[]'::jsonb, 'roles', '["member"]'::jsonb,
        'via', CASE WHEN n %% 1000 = 7 THEN 'none' WHEN n %% 4 = 0 THEN 'session' ELSE 'token' END,
        'action', CASE WHEN n %% 20000 = 3 THEN 'users.reset_password' WHEN n %% 50 = 1 THEN 'runs.read'
                       ELSE (ARRAY['tasks.read', 'tasks.create', 'events.read', 'self.read'])[1 + n %% 4] END,
        'resource_kind', CASE WHEN n %% 20000 = 3 THEN 'users' WHEN n %% 50 = 1 THEN 'runs' ELSE 'tasks' END,
        'resource_id', CASE WHEN n %% 3 > 0 THEN ('00000000-0000-7000-8000-' || lpad(to_hex(n / 10), 12, '0')) END,
        'decision', CASE WHEN n %% 100 = 11 THEN 'deny' ELSE 'allow' END,
        'reason', 'role member', 'request_id', md5(n::text)::uuid, 'address', '127.0.0.1') ORDER BY n))
      FROM (SELECT n, (n - %(count)s::int) * (interval '360 days' / %(count)s::int) - interval '1 minute' AS age
              FROM generate_series(%(first)s::int, %(last)s::int) n) made
"""


@dataclass(frozen=True)
class Landmarks:
    """Values that occur in the loaded records, and how long loading one took, in microseconds."""

    resource_id: str
    request_id: str
    middle_time: str
    append_us: float


def load(url: str) -> Landmarks:
    """Appends the records and lets PostgreSQL take stock of them. The users `owner` and `mia` must be there."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET statement_timeout = 0; SET synchronous_commit = off")
        connection.execute(PARTITIONS)
        people = dict(connection.execute("SELECT handle, id FROM users WHERE handle IN ('owner', 'mia')").fetchall())
        began = time.perf_counter()
        for first in range(1, COUNT + 1, PAGE):
            last = min(COUNT, first + PAGE - 1)
            connection.execute(APPEND, {**people, "count": COUNT, "first": first, "last": last})
        append_us = 1e6 * (time.perf_counter() - began) / COUNT
        connection.execute("VACUUM ANALYZE audit_records")
        row = connection.execute(
            """SELECT resource_id, request_id, to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                 FROM audit_records WHERE request_id = md5(%s)::uuid::text""",
            [str(COUNT // 2)],
        ).fetchone()
    assert row is not None
    return Landmarks(row[0], row[1], row[2], append_us)
