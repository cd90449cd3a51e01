"""What is lent of connectors: the use of an operation, for some times, until a moment, held to arguments."""

import json
import uuid
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select

from gateway.core.clock import new_id, now
from gateway.core.errors import Invalid, NotFound
from gateway.core.unit_of_work import Work
from gateway.features.identity import service as identity

from . import queries, service
from .models import Connector, ConnectorGrant
from .schemas import GrantIn

if TYPE_CHECKING:
    from gateway.adapters.connectors.base import Operation

LONGEST = timedelta(days=31)
HALF_AN_HOUR = 1800


def visible(work: Work, connector_id: uuid.UUID) -> Select[ConnectorGrant]:
    """What is or was lent of a connector, to be paged. Raises NotFound."""
    return queries.grants(service.get(work, connector_id).id)


def create(work: Work, connector_id: uuid.UUID, wish: GrantIn) -> ConnectorGrant:
    """Lends the use of an operation. Raises Invalid for a time or an operation that is none."""
    connector = service.find(work, "connectors.grant", connector_id)
    if wish.until is not None and wish.for_s is not None:
        raise Invalid.field("until", "give either until or for_s")
    until = wish.until or now() + timedelta(seconds=wish.for_s or HALF_AN_HOUR)
    if not now() < until <= now() + LONGEST:
        raise Invalid.field("until", "it has to lie in the next 31 days")
    if wish.operation not in {*service.MODES, *service.operations_of(connector)}:
        raise Invalid.field("operation", "the connector has no such operation; name one, or read, send or admin")
    if wish.user_id is not None and identity.present_user(work, wish.user_id) is None:
        raise Invalid.field("user_id", "there is no such active user")
    grant = ConnectorGrant(
        id=new_id(), connector_id=connector.id, user_id=wish.user_id, operation=wish.operation,
        constraints=wish.constraints, uses=wish.uses, until=until, created_by=work.actor.user_id,
    )  # fmt: skip
    work.session.add(grant)
    work.session.flush()
    service.tell(work, "connector.grant_created", connector, grant_id=str(grant.id), operation=grant.operation)
    return grant


def remove(work: Work, connector_id: uuid.UUID, grant_id: uuid.UUID) -> None:
    """Takes back what was lent. Raises NotFound."""
    connector = service.find(work, "connectors.grant", connector_id)
    grant = work.session.get(ConnectorGrant, grant_id)
    if grant is None or grant.connector_id != connector.id:
        raise NotFound("There is no such grant of this connector.")
    work.session.delete(grant)
    work.session.flush()
    service.tell(work, "connector.grant_deleted", connector, grant_id=str(grant_id), operation=grant.operation)


def take(work: Work, connector: Connector, operation: "Operation", arguments: dict[str, Any]) -> ConnectorGrant | None:
    """Uses up one time of a grant that covers the call; None where none does."""
    usable = queries.usable_grants(
        work.session, connector.id, work.actor.user_id, [operation.name, operation.mode], now()
    )
    for grant in usable:
        if covers(grant.constraints, arguments):
            grant.used += 1
            work.session.flush()
            return grant
    return None


def covers(constraints: dict[str, Any], arguments: dict[str, Any]) -> bool:
    """Whether every argument that is held to something fits: a text to its glob, anything else to the same value."""
    return all(name in arguments and _fits(arguments[name], held) for name, held in constraints.items())


def _fits(value: Any, held: Any) -> bool:
    if isinstance(held, str) and isinstance(value, list):
        return bool(value) and all(_fits(each, held) for each in value)
    if isinstance(held, str) and isinstance(value, str):
        return fnmatchcase(value, held)
    return json.dumps(value, sort_keys=True) == json.dumps(held, sort_keys=True)
