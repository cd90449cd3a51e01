"""Lists of the record read what they show and little more, however much others did."""

import json

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from gateway.core.clock import new_id
from gateway.core.database import Database
from gateway.core.identity import SYSTEM, Actor
from gateway.features.audit import queries
from gateway.features.audit.schemas import AuditFilter

BATCH = 4000
PAGE = 100
APPEND = text("""
    SELECT audit_append(jsonb_agg(jsonb_build_object(
        'id', gen_random_uuid(), 'time', now(), 'actor_id', CAST(:owner AS uuid), 'actor', 'mallory',
        'groups', '[]'::jsonb, 'roles', '[]'::jsonb, 'via', 'token',
        'action', CASE WHEN n % 100 = 0 THEN 'rooms.enter' ELSE 'doors.open' END,
        'resource_kind', 'doors', 'decision', CASE WHEN n % 25 = 0 THEN 'deny' ELSE 'allow' END, 'reason', 'a test')))
      FROM generate_series(1, :count) n
""")


@pytest.fixture(scope="module")
def many_denials(database: Database, people: dict[str, Actor]) -> None:
    """Twenty thousand records: one in 25 denied, all of one actor and most in one room."""
    with database.engine.begin() as connection:
        for _ in range(5):
            connection.execute(APPEND, {"owner": people["alice"].user_id, "count": BATCH})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE audit_records"))


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"actor": "mallory"}, PAGE),
        ({"actor": "nobody"}, 0),
        ({"action": "rooms.*"}, PAGE),
        ({"action": "windows.*"}, 0),
        ({"action": "rooms.enter"}, PAGE),
        ({"actor": "nobody", "action": "doors.*"}, 0),
    ],
    ids=str,
)
def test_a_page_of_denials_costs_a_page(
    database: Database, many_denials: None, wanted: dict[str, str], count: int
) -> None:
    _costs_a_page(database, SYSTEM, {"decision": "deny", **wanted}, count)


@pytest.mark.parametrize("wanted", [{"decision": "deny"}, {"actor": "mallory"}, {"via": "token"}], ids=str)
def test_who_sees_their_own_alone_pays_for_nobody_elses(
    database: Database, many_denials: None, wanted: dict[str, str]
) -> None:
    stranger = Actor(new_id(), "a-stranger", frozenset({"member"}), via="test")
    _costs_a_page(database, stranger, wanted, 0)


def _costs_a_page(database: Database, actor: Actor, wanted: dict[str, str], count: int) -> None:
    query = queries.filtered(actor, AuditFilter.model_validate(wanted)).order_by(queries.AuditRecord.id.desc())
    statement = query.limit(PAGE).compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    with database.engine.connect() as connection:
        explained = connection.exec_driver_sql(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {str(statement).replace('%', '%%')}"
        ).scalar()
    plan = explained[0]["Plan"] if isinstance(explained, list) else json.loads(str(explained))[0]["Plan"]
    assert plan["Actual Rows"] == count
    assert _rows_read(plan) <= 3 * PAGE, json.dumps(plan, indent=1)


def _rows_read(plan: dict) -> float:  # type: ignore[type-arg]
    """What the scans of the plan looked at: rows they gave and rows they threw away."""
    below = plan.get("Plans", [])
    if below:
        return sum(map(_rows_read, below))
    return float(plan["Actual Rows"]) + float(plan.get("Rows Removed by Filter", 0))
