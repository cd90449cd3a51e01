"""Task names: lower case with dashes, unique per user by a numeric suffix."""

import re
import unicodedata
import uuid
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.orm import Session

from gateway.core.driver.fixed_queries import FixedQuery

LONGEST = 60

_NEXT = FixedQuery(
    text("""
    INSERT INTO task_names AS used (owner_id, name, uses) VALUES (:owner_id, :name, 1)
    ON CONFLICT (owner_id, name) DO UPDATE SET uses = used.uses + 1
    RETURNING used.uses, EXISTS (
        SELECT FROM tasks WHERE tasks.owner_id = used.owner_id
           AND tasks.name = CASE used.uses WHEN 1 THEN used.name ELSE used.name || '-' || used.uses END) AS is_taken
""")
)
"""Counts one more use of a name; returns the count, and whether a task has the name that follows from it."""


def normalise(text: str) -> str:
    """`text` as lower-case words joined by dashes, without accents; "task" when nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return words[:LONGEST].rstrip("-") or "task"


def unique(session: Session, owner_id: uuid.UUID, wanted: str) -> str:
    """The normalised name, with -2, -3 … where the user has it already; two requests at once get two names."""
    return asked(session, owner_id, wanted)()


def asked(session: Session, owner_id: uuid.UUID, wanted: str) -> Callable[[], str]:
    """Asks for the same."""
    base = normalise(wanted)
    answer = _NEXT.ask(session, owner_id=owner_id, name=base)

    def name() -> str:
        (used,) = answer.rows()
        while used.is_taken:
            used = _NEXT.first(session, owner_id=owner_id, name=base)
        return base if used.uses == 1 else f"{base}-{used.uses}"

    return name
