"""Routes of connectors, their credentials and grants."""

from flask import Response

from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.room import Room, keys, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page, PageQuery

from . import service, service_credentials, service_grants, service_operations
from .api_operations import operations
from .models import Connector, ConnectorCredential, ConnectorGrant
from .schemas import (
    ConnectorCatalog,
    ConnectorCredentialIn,
    ConnectorCredentialOut,
    ConnectorGrantOut,
    ConnectorIn,
    ConnectorOut,
    ConnectorPatch,
    ConnectorQuery,
    ConnectorSecretIn,
    CredentialPath,
    GrantIn,
    GrantPath,
)

__all__ = ["operations", "room"]

room = Room("connectors", __name__, title="Connectors")


def _shape(connector: Connector) -> ConnectorOut:
    return service.describe(work(), [connector])[0]


def _credential(credential: ConnectorCredential) -> ConnectorCredentialOut:
    return service_credentials.describe(work(), [credential])[0]


def _learn(connector: Connector) -> None:
    """A connector whose operations come from its server asks for them once it is set up."""
    types = {kind.type: kind.learns for kind in service.catalog(work()).items}
    if types[connector.type] and connector.enabled:
        service_operations.order_test(work(), connector)


@room.get("/connectors/catalog", responses={200: ConnectorCatalog}, summary="Types, with their operations and schemas")
def get_catalog() -> Response:
    return answer(service.catalog(work()))


@room.get("/connectors", responses={200: Page[ConnectorOut]}, summary="Installed connectors")
def list_connectors(query: ConnectorQuery) -> Response:
    found = service.visible(work(), query)
    paged = listed(work().session, found, Connector.id, query)
    return page_of(ConnectorOut, paged, service.describe(work(), paged.rows))


@room.post("/connectors", responses={201: ConnectorOut}, summary="Install a connector")
def create_connector(body: ConnectorIn) -> Response:
    connector = service.create(work(), body)
    _learn(connector)
    return created(_shape(connector), f"/v1/connectors/{connector.id}")


@room.get("/connectors/<uuid:id>", responses={200: ConnectorOut}, summary="One connector, with its operations")
def get_connector(path: IdPath) -> Response:
    return answer(_shape(service.get(work(), path.id)))


@room.patch("/connectors/<uuid:id>", responses={200: ConnectorOut}, summary="Change a connector (JSON merge patch)")
def patch_connector(path: IdPath, body: ConnectorPatch) -> Response:
    connector = service.for_change(work(), path.id)
    check_version(connector.version)
    return answer(_shape(service.change(work(), connector, body)))


@room.delete("/connectors/<uuid:id>", responses={204: None}, summary="Uninstall a connector")
def delete_connector(path: IdPath) -> Response:
    service.remove(work(), path.id)
    return no_content()


@room.post("/connectors/<uuid:id>/enable", responses={200: ConnectorOut}, summary="Let it be used")
def enable_connector(path: IdPath) -> Response:
    return answer(_shape(service.set_enabled(work(), path.id, True)))


@room.post("/connectors/<uuid:id>/disable", responses={200: ConnectorOut}, summary="Stop it from being used")
def disable_connector(path: IdPath) -> Response:
    return answer(_shape(service.set_enabled(work(), path.id, False)))


_CREDENTIALS = "/connectors/<uuid:id>/credentials"


@room.get(_CREDENTIALS, responses={200: Page[ConnectorCredentialOut]}, summary="Its credentials, without their secrets")
def list_credentials(path: IdPath, query: PageQuery) -> Response:
    found = service_credentials.visible(work(), path.id)
    paged = listed(work().session, found, ConnectorCredential.id, query)
    return page_of(ConnectorCredentialOut, paged, service_credentials.describe(work(), paged.rows))


@room.post(_CREDENTIALS, responses={201: ConnectorCredentialOut}, summary="Give it a credential")
def create_connector_credential(path: IdPath, body: ConnectorCredentialIn) -> Response:
    credential = service_credentials.create(work(), keys(), path.id, body)
    _learn(service.get(work(), path.id))
    return created(_credential(credential), f"/v1/connectors/{path.id}/credentials/{credential.id}")


@room.post(f"{_CREDENTIALS}/<uuid:cid>/rotate", responses={200: ConnectorCredentialOut}, summary="Replace its secret")
def rotate_connector_credential(path: CredentialPath, body: ConnectorSecretIn) -> Response:
    return answer(_credential(service_credentials.rotate(work(), keys(), path.id, path.cid, body.secret)))


@room.post(f"{_CREDENTIALS}/<uuid:cid>/disable", responses={200: ConnectorCredentialOut}, summary="Use it no more")
def disable_connector_credential(path: CredentialPath) -> Response:
    return answer(_credential(service_credentials.disable(work(), path.id, path.cid)))


@room.post(f"{_CREDENTIALS}/<uuid:cid>/revoke", responses={200: ConnectorCredentialOut}, summary="Destroy its secret")
def revoke_connector_credential(path: CredentialPath) -> Response:
    return answer(_credential(service_credentials.revoke(work(), path.id, path.cid)))


@room.get("/connectors/<uuid:id>/grants", responses={200: Page[ConnectorGrantOut]}, summary="What is lent of it")
def list_grants(path: IdPath, query: PageQuery) -> Response:
    found = service_grants.visible(work(), path.id)
    paged = listed(work().session, found, ConnectorGrant.id, query)
    return page_of(ConnectorGrantOut, paged)


@room.post("/connectors/<uuid:id>/grants", responses={201: ConnectorGrantOut}, summary="Lend the use of an operation")
def create_grant(path: IdPath, body: GrantIn) -> Response:
    grant = service_grants.create(work(), path.id, body)
    return created(ConnectorGrantOut.model_validate(grant), f"/v1/connectors/{path.id}/grants/{grant.id}")


@room.delete("/connectors/<uuid:id>/grants/<uuid:gid>", responses={204: None}, summary="Take back what was lent")
def delete_grant(path: GrantPath) -> Response:
    service_grants.remove(work(), path.id, path.gid)
    return no_content()
