"""Routes of retention: policies, what they would purge, and what there is."""

from flask import Response, current_app

from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.room import Room, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page

from . import service
from .models import RetentionPolicy
from .schemas import (
    RetentionOut,
    RetentionPlace,
    RetentionPolicyIn,
    RetentionPolicyOut,
    RetentionPolicyPatch,
    RetentionPolicyQuery,
    RetentionPreview,
)

room = Room("retention", __name__, title="Retention")


def sorts() -> service.Sorts:
    """What can be purged here."""
    return current_app.extensions["purges"]  # type: ignore[no-any-return]


@room.get("/retention", responses={200: RetentionOut}, summary="What there is, and what all policies would purge now")
def get_retention(query: RetentionPlace) -> Response:
    return answer(service.overview(work(), sorts(), query.project_id))


@room.get("/retention-policies", responses={200: Page[RetentionPolicyOut]}, summary="Retention policies")
def list_policies(query: RetentionPolicyQuery) -> Response:
    found = service.visible(work(), query)
    paged = listed(work().session, found, RetentionPolicy.id, query)
    return page_of(RetentionPolicyOut, paged)


@room.post("/retention-policies", responses={201: RetentionPolicyOut}, summary="Set a retention policy")
def create_policy(body: RetentionPolicyIn) -> Response:
    policy = service.create(work(), sorts(), body)
    return created(RetentionPolicyOut.model_validate(policy), f"/v1/retention-policies/{policy.id}")


@room.post(
    "/retention-policies/preview", responses={200: RetentionPreview}, summary="What such a policy would purge; dry run"
)
def preview_wish(body: RetentionPolicyIn) -> Response:
    return answer(service.preview_wish(work(), sorts(), body))


@room.get("/retention-policies/<uuid:id>", responses={200: RetentionPolicyOut}, summary="One retention policy")
def get_policy(path: IdPath) -> Response:
    return answer(RetentionPolicyOut.model_validate(service.get(work(), path.id)))


@room.patch(
    "/retention-policies/<uuid:id>", responses={200: RetentionPolicyOut}, summary="Change its limits (JSON merge patch)"
)
def patch_policy(path: IdPath, body: RetentionPolicyPatch) -> Response:
    policy = service.for_change(work(), path.id)
    check_version(policy.version)
    return answer(RetentionPolicyOut.model_validate(service.change(work(), policy, body)))


@room.delete("/retention-policies/<uuid:id>", responses={204: None}, summary="Remove a retention policy")
def delete_policy(path: IdPath) -> Response:
    service.remove(work(), path.id)
    return no_content()


@room.post(
    "/retention-policies/<uuid:id>/preview", responses={200: RetentionPreview}, summary="What it would purge; dry run"
)
def preview_policy(path: IdPath) -> Response:
    return answer(service.preview(work(), sorts(), path.id))


@room.post("/retention-policies/<uuid:id>/apply", responses={202: RetentionPolicyOut}, summary="Purge by it at once")
def apply_policy(path: IdPath) -> Response:
    return answer(RetentionPolicyOut.model_validate(service.apply(work(), path.id)), 202)
