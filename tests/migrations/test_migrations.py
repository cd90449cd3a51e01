"""Every migration goes up, down and up again, the models agree with them, and processes take turns."""

import gzip
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import sessionmaker

from gateway import ROOT, registry
from gateway.commands.backup import _rows_of
from gateway.commands.migration import migrating
from gateway.core import archive
from gateway.core.audit import ORIGIN
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import Base, sqlalchemy_url
from gateway.core.errors import MissingPart
from gateway.core.postgres import dump
from gateway.core.postgres.embedded import EmbeddedPostgres
from gateway.core.postgres.migrating import is_migrated, migrate, migrate_to
from gateway.core.postgres.upgrade_check import ours
from gateway.features.audit.queries_chain import stretch
from tests.backup.test_backup import row_hashes

MIGRATE = """
import sys
from sqlalchemy import create_engine
from gateway import ROOT
from gateway.core.postgres.migrating import migrate
engine = create_engine(sys.argv[1])
migrate(engine, ROOT / "migrations")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database server of its own."""
    data_dir = DataDir(tmp_path_factory.mktemp("migrations"))
    data_dir.prepare()
    with data_dir.lock():
        postgres = EmbeddedPostgres(data_dir)
        try:
            made = create_engine(sqlalchemy_url(postgres.start()))
            yield made
            made.dispose()
        finally:
            postgres.stop()


@pytest.fixture
def engine(server: Engine) -> Engine:
    """An empty database."""
    with server.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    return server


def run(engine: Engine, step: Callable[..., None], *arguments: str) -> None:
    """One Alembic command."""
    configuration = AlembicConfig()
    configuration.set_main_option("script_location", str(ROOT / "migrations"))
    with engine.connect() as connection:
        configuration.attributes["connection"] = connection
        step(configuration, *arguments)
        connection.commit()


def schema(engine: Engine) -> dict[str, list[Any]]:
    """Everything a database consists of."""
    queries = {
        "columns": "SELECT table_name, column_name, data_type, is_nullable, column_default"
        " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2",
        "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
        "constraints": "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
        "functions": "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1, 2",
        "triggers": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
        "types": "SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace ORDER BY 1",
    }
    with engine.connect() as connection:
        return {name: [tuple(row) for row in connection.execute(text(query))] for name, query in queries.items()}


def test_up_down_and_up_again_give_the_same_schema(engine: Engine) -> None:
    run(engine, command.upgrade, "head")
    first = schema(engine)
    run(engine, command.downgrade, "base")
    left = schema(engine)
    run(engine, command.upgrade, "head")
    assert schema(engine) == first
    assert [(name, row) for name, rows in left.items() for row in rows if "alembic" not in row[0]] == []


def test_each_step_can_be_taken_back(engine: Engine) -> None:
    run(engine, command.upgrade, "head")
    for _ in range(10):
        with engine.connect() as connection:
            if not connection.execute(text("SELECT count(*) FROM alembic_version")).scalar():
                break
        run(engine, command.downgrade, "-1")
        run(engine, command.upgrade, "+1")
        run(engine, command.downgrade, "-1")


def test_models_and_migrations_agree(engine: Engine) -> None:
    registry.load_tables()
    migrate(engine, ROOT / "migrations")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": ours})
        assert compare_metadata(context, Base.metadata) == []


def test_another_process_migrates_and_migrating_again_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    url = engine.url.render_as_string(hide_password=False)
    assert not is_migrated(engine, ROOT / "migrations")
    with migrating(Config(data_dir=tmp_path), url, ROOT / "app.py"):
        pass
    assert is_migrated(engine, ROOT / "migrations")
    before = schema(engine)
    migrate(engine, ROOT / "migrations")
    assert schema(engine) == before


def test_the_schema_of_a_later_release_is_left_alone_and_told_of(engine: Engine) -> None:
    """Somebody has gone back to the release before."""
    migrate(engine, ROOT / "migrations")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = schema(engine)
    with pytest.raises(MissingPart, match="9999 is of a later release; update the gateway"):
        migrate(engine, ROOT / "migrations")
    assert schema(engine) == before


def test_processes_that_migrate_at_once_take_turns(engine: Engine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    processes = [
        subprocess.Popen([sys.executable, "-c", MIGRATE, url], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
        assert connection.execute(text("SELECT count(*) FROM event_head")).scalar() == 1


AUDITED = """
    INSERT INTO audit_records (id, time, actor_id, actor, roles, via, action, resource_kind, resource_id, decision,
                               reason, request_id, address)
    SELECT audit_id(moment), moment, NULL, 'someone', '{member,viewer}', 'token', 'tasks.read', 'tasks', n::text,
           CASE WHEN n % 10 = 0 THEN 'deny' ELSE 'allow' END, 'role "member"', 'request', '127.0.0.1'
      FROM (SELECT n, TIMESTAMPTZ '2026-01-31 23:00:00.123456Z' + n * interval '3 s' AS moment
              FROM generate_series(1, 2500) n) made
"""
"""Records across the end of a month, more than the migration chains at once."""

AUDIT_ID = """
    CREATE FUNCTION pg_temp.audit_id(moment timestamptz) RETURNS uuid LANGUAGE sql RETURN
    (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7000' || '8'
     || substr(md5(moment::text), 1, 15))::uuid
"""

KEPT = """
    SELECT id, time, actor_id, actor, roles, via, action, resource_kind, resource_id, decision, reason, request_id,
           address
      FROM audit_records ORDER BY id
"""


def test_audit_records_from_before_are_chained_and_come_through_down_and_up_again(engine: Engine) -> None:
    run(engine, command.upgrade, "0003")
    with engine.begin() as connection:
        connection.execute(text(AUDIT_ID))
        connection.execute(text(AUDITED.replace("audit_id(", "pg_temp.audit_id(")))
        before = connection.execute(text(KEPT)).all()
    for _ in range(2):
        run(engine, command.upgrade, "0004")
        assert rows_of(engine, KEPT) == before
        chained = "SELECT count(*), min(seq), max(seq), (SELECT seq FROM audit_head) FROM audit_records"
        assert rows_of(engine, chained) == [(2500, 1, 2500, 2500)]
        with sessionmaker(engine)() as session:
            assert stretch(session, 0, ORIGIN, 2500).bad is False
        places = "SELECT tableoid::regclass::text, count(*) FROM audit_records GROUP BY 1 ORDER BY 1"
        assert rows_of(engine, places) == [("audit_records_2026_01", 1199), ("audit_records_2026_02", 1301)]
        run(engine, command.downgrade, "0003")
        assert rows_of(engine, KEPT) == before


def rows_of(engine: Engine, query: str) -> list[Any]:
    """What a query gives."""
    with engine.connect() as connection:
        return list(connection.execute(text(query)).all())


EARLY = Path(__file__).with_name("early.backup.gz")
"""A backup that a gateway of an early release made, at schema 0027: tasks of all kinds, people with their rights,
schedules, hooks, messages, chats, credentials, and the records and events of all that."""


def test_what_an_early_release_left_comes_through_up_down_and_up_again(engine: Engine, tmp_path: Path) -> None:
    unpacked = tmp_path / "early.backup"
    unpacked.write_bytes(gzip.decompress(EARLY.read_bytes()))
    with archive.reading(unpacked) as backup, engine.connect() as connection, connection.begin():
        backup.verify()
        early = backup.manifest["revision"]
        migrate_to(connection, ROOT / "migrations", early)
        driver: dump.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        loaded = dict(dump.load(driver, dump.Contents.of(backup.manifest), lambda table: _rows_of(backup, table)))
        assert loaded == backup.manifest["rows"]
    url = engine.url.render_as_string(hide_password=False)
    before = row_hashes(url)
    run(engine, command.upgrade, "head")
    after = row_hashes(url)
    assert {table: rows for table, (rows, _) in before.items() if after.get(table, (rows, ""))[0] < rows} == {}
    run(engine, command.downgrade, early)
    assert row_hashes(url) == before
    run(engine, command.upgrade, "head")
    assert row_hashes(url) == after
