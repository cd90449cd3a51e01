"""Projects on the wire."""

import uuid

from gateway.core.schemas import Versioned


class ProjectOut(Versioned):
    """A project."""

    slug: str
    display_name: str
    description: str
    is_active: bool
    is_default: bool
    owner_id: uuid.UUID
