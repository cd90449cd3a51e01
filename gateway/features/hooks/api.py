"""Routes of hooks, for those who make them. Where the world posts to is in `inbound`."""

from typing import Any

from flask import Response, request

from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.room import Room, keys, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page
from gateway.core.task_names import named

from . import service, service_receive
from .inbound import world
from .models import Hook, HookRequest
from .schemas import (
    HookIn,
    HookOut,
    HookPatch,
    HookQuery,
    HookWithSecret,
    RequestItem,
    RequestOut,
    RequestPath,
    RequestQuery,
    RotateIn,
    TrialIn,
    TrialOut,
)

__all__ = ["room", "world"]

room = Room("hooks", __name__, title="Hooks")


def _plain(*hooks: Hook) -> list[dict[str, Any]]:
    return service.describe(work(), hooks, request.host_url.rstrip("/"))


def _with_secret(hook: Hook, secret: str) -> HookWithSecret:
    shown = _plain(hook)[0]
    return HookWithSecret.model_validate({**shown, "secret": secret})


def _whole(found: HookRequest) -> RequestOut:
    [item] = named(work().session, work().actor, RequestItem, [found])
    sent = {"query": found.query, "headers": found.headers, "body": found.body.decode("utf-8", "replace")}
    return RequestOut.model_validate({**item.model_dump(), **sent, "answer": found.answer})


@room.get("/hooks", responses={200: Page[HookOut]}, summary="Hooks, without their secrets")
def list_hooks(query: HookQuery) -> Response:
    found = service.visible(work(), query)
    paged = listed(work().session, found, Hook.id, query)
    return page_of(HookOut, paged, _plain(*paged.rows))


@room.post("/hooks", responses={201: HookWithSecret}, summary="Create a hook; its secret is shown this once")
def create_hook(body: HookIn) -> Response:
    hook, secret = service.create(work(), keys(), body)
    return created(_with_secret(hook, secret), f"/v1/hooks/{hook.id}")


@room.get("/hooks/<uuid:id>", responses={200: HookOut}, summary="One hook")
def get_hook(path: IdPath) -> Response:
    return answer(HookOut.model_validate(_plain(service.get(work(), path.id))[0]))


@room.patch("/hooks/<uuid:id>", responses={200: HookOut}, summary="Change a hook (JSON merge patch)")
def patch_hook(path: IdPath, body: HookPatch) -> Response:
    hook = service.for_change(work(), path.id)
    check_version(hook.version)
    return answer(HookOut.model_validate(_plain(service.change(work(), hook, body))[0]))


@room.delete("/hooks/<uuid:id>", responses={204: None}, summary="Delete a hook with its requests")
def delete_hook(path: IdPath) -> Response:
    service.remove(work(), path.id)
    return no_content()


@room.post("/hooks/<uuid:id>/rotate", responses={200: HookWithSecret}, summary="A new secret; the old ones hold on")
def rotate_secret(path: IdPath, body: RotateIn) -> Response:
    hook, secret = service.rotate(work(), keys(), path.id, body)
    return answer(_with_secret(hook, secret), headers={"Cache-Control": "no-store"})


@room.post("/hooks/<uuid:id>/test", responses={200: TrialOut}, summary="What the hook makes of a request")
def test_hook(path: IdPath, body: TrialIn) -> Response:
    return answer(TrialOut.model_validate(service_receive.test(work(), keys(), path.id, body)))


@room.get("/hooks/<uuid:id>/requests", responses={200: Page[RequestItem]}, summary="What came to a hook")
def list_requests(path: IdPath, query: RequestQuery) -> Response:
    found = service.requests(work(), path.id, query.outcome)
    paged = listed(work().session, found, HookRequest.id, query)
    return page_of(RequestItem, paged, named(work().session, work().actor, RequestItem, paged.rows))


@room.get("/hooks/<uuid:id>/requests/<uuid:rid>", responses={200: RequestOut}, summary="One request, as it came")
def get_request(path: RequestPath) -> Response:
    return answer(_whole(service.request(work(), path.id, path.rid)))


@room.post("/hooks/<uuid:id>/requests/<uuid:rid>/replay", responses={201: RequestOut}, summary="Act on a request again")
def replay_request(path: RequestPath) -> Response:
    found = service_receive.replay(work(), keys(), path.id, path.rid)
    return created(_whole(found), f"/v1/hooks/{path.id}/requests/{found.id}")
