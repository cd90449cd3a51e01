"""Routes of credentials and of the recovery kit."""

from flask import Response, request

from gateway.core.errors import Invalid
from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.room import Room, keys, work
from gateway.core.idempotency import HEADER
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page

from . import service, service_keys
from .models import Credential
from .schemas import (
    CredentialIn,
    CredentialOut,
    CredentialPatch,
    CredentialQuery,
    RecoveryKitCreated,
    RecoveryKitOut,
    SecretIn,
)

room = Room("credentials", __name__, title="Credentials")


def _shape(credential: Credential) -> CredentialOut:
    return CredentialOut(
        id=credential.id, version=credential.version, created_at=credential.created_at,
        updated_at=credential.updated_at, name=credential.name, kind=credential.kind,
        description=credential.description, metadata=credential.metadata_, owner_id=credential.owner_id,
        project_id=credential.project_id, is_active=credential.is_active, key_id=credential.secret_kid,
        rotated_at=credential.rotated_at, last_used_at=credential.last_used_at,
    )  # fmt: skip


@room.get("/credentials", responses={200: Page[CredentialOut]}, summary="Credentials, without their secrets")
def list_credentials(query: CredentialQuery) -> Response:
    found = service.visible(work(), query)
    paged = listed(work().session, found, Credential.id, query)
    return page_of(CredentialOut, paged, [_shape(row) for row in paged.rows])


@room.post("/credentials", responses={201: CredentialOut}, summary="Keep a secret")
def create_credential(body: CredentialIn) -> Response:
    credential = service.create(work(), keys(), body)
    return created(_shape(credential), f"/v1/credentials/{credential.id}")


@room.get("/credentials/<uuid:id>", responses={200: CredentialOut}, summary="One credential, without its secret")
def get_credential(path: IdPath) -> Response:
    return answer(_shape(service.get(work(), path.id)))


@room.patch("/credentials/<uuid:id>", responses={200: CredentialOut}, summary="Change what can be read of it")
def patch_credential(path: IdPath, body: CredentialPatch) -> Response:
    credential = service.for_change(work(), path.id)
    check_version(credential.version)
    return answer(_shape(service.change(work(), credential, body)))


@room.delete("/credentials/<uuid:id>", responses={204: None}, summary="Delete one that nothing refers to")
def delete_credential(path: IdPath) -> Response:
    service.remove(work(), path.id)
    return no_content()


@room.post("/credentials/<uuid:id>/rotate", responses={200: CredentialOut}, summary="Replace the secret")
def rotate_credential(path: IdPath, body: SecretIn) -> Response:
    credential = service.for_change(work(), path.id, "credentials.rotate")
    return answer(_shape(service.rotate(work(), keys(), credential, body.secret.get_secret_value())))


@room.post("/credentials/<uuid:id>/disable", responses={200: CredentialOut}, summary="Stop it from being used")
def disable_credential(path: IdPath) -> Response:
    credential = service.for_change(work(), path.id, "credentials.disable")
    return answer(_shape(service.set_active(work(), credential, False)))


@room.post("/credentials/<uuid:id>/enable", responses={200: CredentialOut}, summary="Let it be used again")
def enable_credential(path: IdPath) -> Response:
    credential = service.for_change(work(), path.id, "credentials.enable")
    return answer(_shape(service.set_active(work(), credential, True)))


@room.get("/credentials/recovery-kit", responses={200: RecoveryKitOut}, summary="Whether a recovery key was made")
def get_recovery_kit() -> Response:
    made_at = service_keys.kit_made_at(work())
    return answer(RecoveryKitOut(exists=made_at is not None, created_at=made_at))


@room.post("/credentials/recovery-kit", responses={201: RecoveryKitCreated}, summary="Create a new recovery key")
def create_recovery_kit() -> Response:
    if HEADER in request.headers:
        raise Invalid.field(HEADER, "a recovery key is kept nowhere, so it cannot be answered twice; leave this out")
    written, made_at = service_keys.make_kit(work(), keys())
    kit = RecoveryKitCreated(exists=True, created_at=made_at, recovery_key=written)
    return answer(kit, 201, {"Cache-Control": "no-store"})
