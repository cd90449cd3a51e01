"""What the doctor finds in a database."""

from sqlalchemy import text

from gateway.commands import doctor
from gateway.core.database import Database


def test_a_server_that_may_forget_what_it_has_stored_is_told_of(database: Database) -> None:
    assert list(doctor.durability(database)) == []
    careless = Database(database.url, pool_size=1)
    try:
        with database.engine.begin() as connection:
            connection.execute(text("ALTER ROLE CURRENT_USER SET synchronous_commit = off"))
        [finding] = doctor.durability(careless)
    finally:
        careless.dispose()
        with database.engine.begin() as connection:
            connection.execute(text("ALTER ROLE CURRENT_USER RESET synchronous_commit"))
    assert not finding.ok
    assert not finding.needed
    assert "synchronous_commit off" in finding.words
