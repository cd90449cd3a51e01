"""Routes of agents."""

from flask import Response

from gateway.core.answers import page_of
from gateway.core.paging import page
from gateway.core.room import Room, work
from gateway.core.schemas import IdPath, Page, PageQuery

from . import service
from .models import AgentFinding
from .schemas import FindingOut

room = Room("agents", __name__, title="Agents")


@room.get(
    "/tasks/<uuid:id>/findings",
    responses={200: Page[FindingOut]},
    summary="What was found about each answer, criterion by criterion, oldest first",
)
def get_findings(path: IdPath, query: PageQuery) -> Response:
    found = service.findings(work(), path.id)
    rows, cursor = page(
        work().session, found, AgentFinding.id, limit=query.limit, cursor=query.cursor, oldest_first=True
    )
    return page_of(FindingOut, rows, cursor)
