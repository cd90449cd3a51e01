"""The schema, brought to this release's at start: all of it or nothing."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.engine import Engine

from gateway.core.errors import MissingPart

MIGRATION_LOCK = 7_340_001
"""Advisory lock under which exactly one process migrates the schema."""


def migrate(engine: Engine, directory: Path) -> None:
    """Brings the schema to the newest revision, all of it or nothing; processes that start together take turns.

    The check that nothing is to do costs one query, so that a second start stays fast. Where there are rows already,
    more is checked before the commit. Raises MissingPart when that fails; the database is then as it was.
    """
    if is_migrated(engine, directory):
        return
    heads = {newest_revision(directory)}
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # another may be migrating for minutes
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.commit()
        try:
            with connection.begin():
                if _revisions(connection) != heads:
                    _upgrade(connection, directory)
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MIGRATION_LOCK})
            connection.commit()


def is_migrated(engine: Engine, directory: Path) -> bool:
    """Whether the schema is at the newest revision."""
    with engine.connect() as connection:
        return _revisions(connection) == {newest_revision(directory)}


def _upgrade(connection: sa.Connection, directory: Path) -> None:
    from alembic import command

    from . import upgrade_check

    connection.execute(text("SET LOCAL statement_timeout = 0"))
    configuration, revisions = _alembic(directory), _revisions(connection)
    _check_known(configuration, revisions)
    before = upgrade_check.rows(connection) if revisions else None
    configuration.attributes.update(connection=connection, is_checked=before is not None)
    command.upgrade(configuration, "head")
    if before is not None:
        upgrade_check.check(connection, before)


def newest_revision(directory: Path) -> str:
    """The migration that the schema of this release is at: the last by name, which begins with the revision.

    To ask Alembic would be to load all of them at each start: 0.1 s, and 11 MB for good.
    """
    return max(path.name for path in (directory / "versions").glob("*.py")).partition("_")[0]


def _alembic(directory: Path) -> Any:
    from alembic.config import Config as AlembicConfig

    configuration = AlembicConfig()
    configuration.set_main_option("script_location", str(directory).replace("%", "%%"))
    return configuration


def _check_known(configuration: Any, revisions: Iterable[str]) -> None:
    """Raises MissingPart for a revision that no migration of this release makes."""
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    scripts = ScriptDirectory.from_config(configuration)
    for revision in revisions:
        try:
            scripts.get_revision(revision)
        except CommandError as error:
            raise MissingPart(f"The schema {revision} is of a later release; update the gateway first.") from error


def migrate_to(connection: sa.Connection, directory: Path, revision: str) -> None:
    """Makes the schema of one revision, within the transaction at hand. Raises MissingPart for an unknown one."""
    from alembic import command

    configuration = _alembic(directory)
    _check_known(configuration, [revision])
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, revision)


def _revisions(connection: sa.Connection) -> set[str]:
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return set()
    return set(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
