"""Task names: lower case with dashes, unique per user by a numeric suffix."""

import re
import unicodedata
import uuid

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from .models import Task, TaskName

LONGEST = 60


def normalise(text: str) -> str:
    """`text` as lower-case words joined by dashes, without accents; "task" when nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return words[:LONGEST].rstrip("-") or "task"


def unique(session: Session, owner_id: uuid.UUID, text: str) -> str:
    """The normalised name, with -2, -3 … where the user has it already; two requests at once get two names."""
    base = normalise(text)
    while True:
        statement = insert(TaskName).values(owner_id=owner_id, name=base, uses=1)
        uses = session.execute(
            statement.on_conflict_do_update(
                index_elements=["owner_id", "name"], set_={"uses": TaskName.uses + 1}
            ).returning(TaskName.uses)
        ).scalar_one()
        name = base if uses == 1 else f"{base}-{uses}"
        if session.scalar(select(Task.id).where(Task.owner_id == owner_id, Task.name == name)) is None:
            return name
