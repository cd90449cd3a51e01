"""Routes of providers and models."""

from flask import Response, current_app, g

from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.room import Room, actor, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page
from gateway.core.unit_of_work import unit_of_work

from . import service, service_use
from .models import Provider
from .schemas import (
    ProviderIn,
    ProviderOut,
    ProviderPatch,
    ProviderQuery,
    ProviderTest,
)

room = Room("providers", __name__, title="Models")


@room.get("/providers", responses={200: Page[ProviderOut]}, summary="Model servers that were added")
def list_providers(query: ProviderQuery) -> Response:
    found = service.visible(work(), query)
    paged = listed(work().session, found, Provider.id, query, sorts={"name": Provider.name})
    return page_of(ProviderOut, paged)


@room.post("/providers", responses={201: ProviderOut}, summary="Add a model server")
def create_provider(body: ProviderIn) -> Response:
    provider = service.create(work(), body)
    return created(ProviderOut.model_validate(provider), f"/v1/providers/{provider.id}")


@room.get("/providers/<uuid:id>", responses={200: ProviderOut}, summary="One model server")
def get_provider(path: IdPath) -> Response:
    return answer(ProviderOut.model_validate(service.get(work(), path.id)))


@room.patch("/providers/<uuid:id>", responses={200: ProviderOut}, summary="Change a model server (JSON merge patch)")
def patch_provider(path: IdPath, body: ProviderPatch) -> Response:
    provider = service.for_change(work(), path.id)
    check_version(provider.version)
    return answer(ProviderOut.model_validate(service.change(work(), provider, body)))


@room.delete("/providers/<uuid:id>", responses={204: None}, summary="Remove a model server")
def delete_provider(path: IdPath) -> Response:
    service.remove(work(), path.id)
    return no_content()


@room.post("/providers/<uuid:id>/test", responses={200: ProviderTest}, summary="Try whether a model server answers")
def test_provider(path: IdPath) -> Response:
    # The node sees the order only once it is committed; this request's own unit of work is not through by then.
    sessions = current_app.extensions["gateway_sessions"]
    with unit_of_work(sessions, actor(), request_id=g.request_id) as order:
        test_id = service_use.begin_test(order, path.id)
    return answer(service_use.wait_for_test(work(), path.id, test_id))
