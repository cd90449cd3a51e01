"""Shapes of what was found about answers."""

import uuid
from datetime import datetime

from gateway.core.schemas import Out


class FindingOut(Out):
    """Whether one answer of a run met one criterion; `exit_code` is that of `command`, where a check ran."""

    id: uuid.UUID
    run_id: uuid.UUID
    round: int
    position: int
    criterion: str
    passed: bool
    reason: str
    command: str | None
    exit_code: int | None
    created_at: datetime
