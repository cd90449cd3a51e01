"""What a connector itself decides about its operations, for whoever explains it: as an invocation, without doing it."""

from sqlalchemy.orm import Session

from gateway.core.clock import now
from gateway.core.errors import Invalid
from gateway.core.identity import Actor
from gateway.core.policy import Decision, can
from gateway.core.resources import Asked, as_id

from . import queries, service
from .models import Connector
from .service_operations import SAID

OPERATIONS = {f"connectors.{mode}_op": mode for mode in service.MODES}


def decided(session: Session, actor: Actor, key: str, action: str, name: str | None) -> Decision | None:
    """What an operation is answered where the policy allows its action; without a name, one whose mode alone counts.

    Raises Invalid for an operation that there is not, or that goes by another action.
    """
    mode, wanted = OPERATIONS.get(action), as_id(key)
    connector = session.get(Connector, wanted) if wanted is not None else None
    if mode is None or connector is None:
        return None
    _check(connector, mode, name)
    place = service.described(session, key, Asked(actor.user_id, "connectors.read"))
    if place is not None and not (seen := can(actor, "connectors.read", place)).allowed:
        return seen  # what one does not see one does not use
    denied = service.denied_by_rule(actor, connector, name or "", action)
    return denied or _by_connector(session, actor, connector, mode, name)


def _by_connector(session: Session, actor: Actor, connector: Connector, mode: str, name: str | None) -> Decision:
    said = service.said_of(connector, name, mode)
    if said in ("allow", "deny"):
        return Decision(said == "allow", SAID[said], by="connector")
    lent = _lent(session, actor, connector, [mode, *([name] if name else [])])
    if any(lent):
        return Decision(True, "it is lent for some time", by="connector")
    if said == "ask":
        return Decision(True, SAID["ask"], by="connector")
    if lent:
        return Decision(False, "it is lent for certain arguments, and not allowed otherwise", by="connector")
    return Decision(False, f"no rule of the connector allows {name or f'to {mode}'}", by="connector")


def _lent(session: Session, actor: Actor, connector: Connector, operations: list[str]) -> list[bool]:
    """The grants that could be used now: for each, whether it is for any arguments."""
    found = queries.grants_now(connector.id, actor.user_id, operations, now())
    return [not grant.constraints for grant in session.scalars(found)]


def _check(connector: Connector, mode: str, name: str | None) -> None:
    if name is None:
        return
    operation = service.operations_of(connector).get(name)
    if operation is None:
        raise Invalid.field("operation", f"the connector {connector.name} has no such operation")
    if operation.mode != mode:
        raise Invalid.field("operation", f"{name} goes by connectors.{operation.mode}_op")
