"""Routes of spend limits and their usage."""

from flask import Response

from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.room import Room, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page

from . import service
from .models import SpendLimit
from .schemas import SpendLimitIn, SpendLimitOut, SpendLimitPatch, SpendLimitQuery, UsageOut

room = Room("limits", __name__, title="Limits")


@room.get("/spend-limits", responses={200: Page[SpendLimitOut]}, summary="Spend limits")
def list_spend_limits(query: SpendLimitQuery) -> Response:
    found = service.visible(work(), query)
    paged = listed(work().session, found, SpendLimit.id, query)
    return page_of(SpendLimitOut, paged)


@room.post("/spend-limits", responses={201: SpendLimitOut}, summary="Set a spend limit")
def create_spend_limit(body: SpendLimitIn) -> Response:
    limit = service.create(work(), body)
    return created(SpendLimitOut.model_validate(limit), f"/v1/spend-limits/{limit.id}")


@room.get("/spend-limits/<uuid:id>", responses={200: SpendLimitOut}, summary="One spend limit")
def get_spend_limit(path: IdPath) -> Response:
    return answer(SpendLimitOut.model_validate(service.get(work(), path.id)))


@room.patch("/spend-limits/<uuid:id>", responses={200: SpendLimitOut}, summary="Change its figures (JSON merge patch)")
def patch_spend_limit(path: IdPath, body: SpendLimitPatch) -> Response:
    limit = service.for_change(work(), path.id)
    check_version(limit.version)
    return answer(SpendLimitOut.model_validate(service.change(work(), limit, body)))


@room.delete("/spend-limits/<uuid:id>", responses={204: None}, summary="Remove a spend limit")
def delete_spend_limit(path: IdPath) -> Response:
    service.remove(work(), path.id)
    return no_content()


@room.get("/usage", responses={200: Page[UsageOut]}, summary="What is used of each spend limit in its present window")
def list_usage(query: SpendLimitQuery) -> Response:
    found = service.visible(work(), query)
    paged = listed(work().session, found, SpendLimit.id, query)
    return page_of(UsageOut, paged, service.usage(work(), paged.rows))
