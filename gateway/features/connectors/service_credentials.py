"""Credentials of connectors: kept sealed, replaced and revoked without a change of the connector's id."""

import json
import uuid
from typing import Any

from sqlalchemy import Select

from gateway.core.clock import new_id, now
from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.credentials import service_keys

from . import queries, service
from .models import Connector, ConnectorCredential
from .schemas import ConnectorCredentialIn, ConnectorCredentialOut

ACTION = "connectors.keep_credential"


def visible(work: Work, connector_id: uuid.UUID) -> Select[ConnectorCredential]:
    """A connector's credentials, to be paged. Raises NotFound."""
    return queries.credentials(service.get(work, connector_id).id)


def describe(work: Work, rows: list[ConnectorCredential]) -> list[ConnectorCredentialOut]:
    """Credentials as the wire shows them."""
    newest = queries.in_force(work.session, [row.connector_id for row in rows])
    plain = [name for name in ConnectorCredentialOut.model_fields if name != "in_force"]
    return [
        ConnectorCredentialOut(
            **{name: getattr(row, name) for name in plain},
            in_force=row.connector_id in newest and newest[row.connector_id].id == row.id,
        )
        for row in rows
    ]


def create(work: Work, keys: KeyStore, connector_id: uuid.UUID, wish: ConnectorCredentialIn) -> ConnectorCredential:
    """Keeps a credential, which is in force from now on. Raises Invalid for one that does not fit the type."""
    connector = service.find(work, ACTION, connector_id, lock=True)
    credential = ConnectorCredential(id=new_id(), connector_id=connector.id, name=wish.name)
    _seal(work, keys, connector, credential, wish.secret)
    work.session.add(credential)
    _now_in_force(work, connector)
    _tell(work, "connector.credential_created", connector, credential)
    return credential


def rotate(
    work: Work, keys: KeyStore, connector_id: uuid.UUID, credential_id: uuid.UUID, secret: dict[str, Any]
) -> ConnectorCredential:
    """Replaces a credential's secret, and puts one that was disabled in force. Raises Conflict for a revoked one."""
    connector, credential = _find(work, connector_id, credential_id)
    _seal(work, keys, connector, credential, secret)
    credential.state, credential.rotated_at = "active", now()
    _now_in_force(work, connector)
    _tell(work, "connector.credential_rotated", connector, credential)
    return credential


def disable(work: Work, connector_id: uuid.UUID, credential_id: uuid.UUID) -> ConnectorCredential:
    """Stops a credential from being used, until it is rotated. Raises Conflict for a revoked one."""
    connector, credential = _find(work, connector_id, credential_id)
    credential.state = "disabled"
    work.session.flush()
    _tell(work, "connector.credential_disabled", connector, credential)
    return credential


def revoke(work: Work, connector_id: uuid.UUID, credential_id: uuid.UUID) -> ConnectorCredential:
    """Destroys a credential's secret for good; that it was there stays on record."""
    connector, credential = _find(work, connector_id, credential_id)
    credential.sealed = None
    credential.state, credential.revoked_at = "revoked", now()
    work.session.flush()
    _tell(work, "connector.credential_revoked", connector, credential)
    return credential


def _find(work: Work, connector_id: uuid.UUID, credential_id: uuid.UUID) -> tuple[Connector, ConnectorCredential]:
    connector = service.find(work, ACTION, connector_id, lock=True)
    credential = queries.credential(work.session, connector_id, credential_id)
    if credential is None:
        raise NotFound("There is no such credential of this connector.")
    if credential.state == "revoked":
        raise Conflict("This credential was revoked; add another one.", code="credential_revoked")
    return connector, credential


def _seal(
    work: Work, keys: KeyStore, connector: Connector, credential: ConnectorCredential, secret: dict[str, Any]
) -> None:
    from gateway.adapters.connectors.registry import Unfit, checked_secret

    try:
        checked_secret(connector.type, secret)
    except Unfit as unfit:
        raise Invalid.fields(unfit.problems) from None
    table = ConnectorCredential.__tablename__
    credential.sealed = service_keys.seal(work, keys, table, credential.id, json.dumps(secret))
    credential.fields = sorted(secret)


def _now_in_force(work: Work, connector: Connector) -> None:
    """Another secret is another chance."""
    service.put_right(connector)
    service.plan_poll(connector)
    work.session.flush()


def _tell(work: Work, name: str, connector: Connector, credential: ConnectorCredential) -> None:
    service.tell(work, name, connector, credential_id=str(credential.id))
