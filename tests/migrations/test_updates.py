"""An update is tried on a copy, and a migration that a check refuses is undone whole."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine

from gateway import ROOT
from gateway.commands.rehearsal import rehearse
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import sqlalchemy_url
from gateway.core.errors import MissingPart
from gateway.core.postgres.embedded import EmbeddedPostgres
from gateway.core.postgres.migrating import migrate, newest_revision
from tests.migrations.test_migrations import AUDIT_ID, AUDITED, run

OLD = "0003"
HARMFUL = """
from alembic import op

revision = "9999"
down_revision = "{before}"


def upgrade():
    op.execute("{statement}")


def downgrade():
    pass
"""


@pytest.fixture
def old(tmp_path: Path) -> Iterator[tuple[Config, Engine]]:
    """A database as an early release left it, with rows; and the configuration that finds it."""
    data_dir = DataDir(tmp_path / "server")
    data_dir.prepare()
    with data_dir.lock():
        server = EmbeddedPostgres(data_dir)
        url = server.start()
        engine = create_engine(sqlalchemy_url(url))
        try:
            run(engine, command.upgrade, OLD)
            with engine.begin() as connection:
                connection.execute(text(AUDIT_ID))
                connection.execute(text(AUDITED.replace("audit_id(", "pg_temp.audit_id(")))
            config = Config(data_dir=tmp_path / "data", database_url=url)
            config.data_dir.mkdir()
            yield config, engine
        finally:
            engine.dispose()
            server.stop()


def state(engine: Engine) -> tuple[str, int]:
    """The revision, and the rows of the one table that has many."""
    with engine.connect() as connection:
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        return revision, connection.execute(text("SELECT count(*) FROM audit_records")).scalar_one()


def with_one_more(folder: Path, statement: str) -> Path:
    """The migrations with a further one."""
    shutil.copytree(ROOT / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__"))
    migration = HARMFUL.format(before=newest_revision(ROOT / "migrations"), statement=statement)
    (folder / "versions" / "9999_harmful.py").write_text(migration)
    return folder


def test_a_rehearsal_changes_nothing_and_tells_what_the_update_will(old: tuple[Config, Engine]) -> None:
    config, engine = old
    said: list[str] = []
    (config.data_dir / "rehearsal-killed").mkdir()
    rehearse(config, said.append)
    assert state(engine) == (OLD, 2500)
    assert "rows copied at schema 0003" in said[0]
    assert said[1].startswith(f"Migrated to {newest_revision(ROOT / 'migrations')} and checked")
    assert list(config.data_dir.iterdir()) == []
    migrate(engine, ROOT / "migrations")
    assert state(engine) == (newest_revision(ROOT / "migrations"), 2500)
    rehearse(config, said.append)
    assert "nothing to rehearse" in said[2]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DELETE FROM event_head", "event_head has 0 of 1 rows"),
        ("ALTER TABLE tasks ADD COLUMN surplus int", "differs from the models"),
    ],
)
def test_what_a_check_refuses_is_undone(
    old: tuple[Config, Engine], tmp_path: Path, statement: str, reason: str
) -> None:
    config, engine = old
    migrate(engine, ROOT / "migrations")
    before = state(engine)
    directory = with_one_more(tmp_path / "migrations", statement)
    with pytest.raises(MissingPart, match=reason):
        rehearse(config, lambda _: None, directory)
    with pytest.raises(MissingPart, match=reason):
        migrate(engine, directory)
    assert state(engine) == before
