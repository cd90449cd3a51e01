"""Rules of connectors: installing, changing and removing them. The only writer of their table, with its siblings."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from gateway.core.clock import now
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.core.identity import Actor
from gateway.core.policy import Decision, Resource, can
from gateway.core.resources import Asked, as_id
from gateway.core.unit_of_work import Work
from gateway.features.access import service as access
from gateway.features.projects import service as projects

from . import queries
from .models import Connector
from .schemas import (
    ConnectorCatalog,
    ConnectorIn,
    ConnectorOut,
    ConnectorPatch,
    ConnectorQuery,
    ConnectorType,
    OperationRule,
    OperationType,
)

if TYPE_CHECKING:
    from gateway.adapters.connectors.base import Operation

MODES = ("read", "send", "admin")
TEST = "test"
"""The name under which a test stands among the operations."""

HAPPENINGS = {
    "mail_received": "connector.mail_received",
    "message_received": "connector.message_received",
    "item_received": "connector.item_received",
    "repository_event": "connector.repository_event",
}
"""What connectors find when they look for what is new, and the events of that."""

CONFIG_BYTES = 256 * 1024
FOR_MEMBERS = frozenset({"connectors.read", "connectors.test", *(f"connectors.{mode}_op" for mode in MODES)})
"""What the members of a connector's group do with it as with their own; the rest is its owner's."""


def catalog(work: Work) -> ConnectorCatalog:
    """All types with their operations and schemas."""
    work.allow("connectors.read", Resource("connectors", listed=True))
    from gateway.adapters.connectors.registry import KINDS  # loads clients of many services: only when first needed

    return ConnectorCatalog(
        items=[
            ConnectorType(
                type=name, title=kind.title, summary=kind.summary, config_schema=kind.Config.model_json_schema(),
                secret_schema=kind.Secret.model_json_schema() if kind.Secret else None, learns=kind.learns,
                needs_secret=kind.needs_secret, happening=HAPPENINGS.get(kind.happening or ""),
                operations=[OperationType.model_validate(each) for each in kind.operations.values()],
            )
            for name, kind in KINDS.items()
        ]
    )  # fmt: skip


def visible(work: Work, query: ConnectorQuery) -> Select[Connector]:
    """The connectors the caller may see, to be paged."""
    work.allow("connectors.read", Resource("connectors", listed=True))
    return queries.filtered(work.actor, groups_of(work), query)


def in_use(work: Work, most: int) -> list[ConnectorOut]:
    """The newest connectors that the caller may see and that can be used."""
    found = visible(work, ConnectorQuery(enabled=True)).where(Connector.state == "ok")
    return describe(work, work.session.scalars(found.order_by(Connector.id.desc()).limit(most)).all())


def get(work: Work, connector_id: uuid.UUID) -> Connector:
    """One connector. Raises NotFound."""
    return find(work, "connectors.read", connector_id)


def find(work: Work, action: str, connector_id: uuid.UUID, *, lock: bool = False) -> Connector:
    """One connector for `action`, `lock`ed to be changed. Raises NotFound, Forbidden."""
    connector = queries.one(work.session, work.actor, groups_of(work), connector_id, lock=lock)
    if connector is None:
        raise NotFound("There is no such connector, or it is not yours.")
    permit(work, action, place_of(work, connector, action))
    return connector


def permit(work: Work, action: str, place: Resource) -> None:
    """Asks the policy about a connector that the caller sees. Raises Forbidden."""
    try:
        work.allow(action, place)
    except NotFound as error:  # the policy does not know that it is seen through a group
        raise Forbidden(f"{action} is not allowed: the connector is of your group, but not your own.") from error


def place_of(work: Work, connector: Connector, action: str) -> Resource:
    """What the policy is asked about: a connector of one's group is as one's own, for those who use it."""
    return _as_met(work.session, connector, Asked(work.actor.user_id, action))


def described(session: Session, key: str, asked: Asked) -> Resource | None:
    """The same for whoever explains what would be decided; None where there is no such connector."""
    wanted = as_id(key)
    connector = session.get(Connector, wanted) if wanted is not None else None
    return _as_met(session, connector, asked) if connector is not None else None


def _as_met(session: Session, connector: Connector, asked: Asked) -> Resource:
    if connector.group_id is None or asked.action not in FOR_MEMBERS:
        return connector.as_resource
    groups = {group_id for group_id, _ in access.groups_of(session, asked.user_id)}
    return (
        replace(connector.as_resource, owner_id=asked.user_id)
        if connector.group_id in groups
        else connector.as_resource
    )


def groups_of(work: Work) -> list[uuid.UUID]:
    """The ids of the groups that the caller is an active member of."""
    return [group_id for group_id, _ in access.groups_of(work.session, work.actor.user_id)]


def describe(work: Work, connectors: Sequence[Connector]) -> list[ConnectorOut]:
    """Connectors as the wire shows them."""
    signed_in = queries.in_force(work.session, [connector.id for connector in connectors])
    computed = {"has_credential", "operations"}
    return [
        ConnectorOut(
            **{name: getattr(each, name) for name in ConnectorOut.model_fields if name not in computed},
            has_credential=each.id in signed_in,
            operations=[
                OperationRule(
                    **{name: getattr(operation, name) for name in OperationType.model_fields},
                    verdict=verdict_of(each, operation),  # type: ignore[arg-type]
                )
                for operation in operations_of(each).values()
            ],
        )
        for each in connectors
    ]


def operations_of(connector: Connector) -> "dict[str, Operation]":
    """What the connector can do, by name."""
    from gateway.adapters.connectors.base import Operation
    from gateway.adapters.connectors.registry import KINDS

    if connector.operations is not None:
        return {each["name"]: Operation(**each) for each in connector.operations}
    return KINDS[connector.type].operations


def said_of(connector: Connector, name: str | None, mode: str) -> str | None:
    """What the connector's rules say of an operation: by its name, else by its mode; None where they say nothing."""
    rules: dict[str, str] = connector.rules
    return rules.get(name or "") or rules.get(mode)


def verdict_of(connector: Connector, operation: "Operation") -> str:
    """The same with what follows: denied where they say nothing."""
    return said_of(connector, operation.name, operation.mode) or "deny"


def create(work: Work, wish: ConnectorIn) -> Connector:
    """Installs a connector. Raises Conflict for a taken name, Invalid for what does not fit the type."""
    owner_id = work.actor.user_id
    if wish.project_id is not None:
        projects.for_new_work(work, wish.project_id, "connectors.create")
    else:
        work.allow("connectors.create", Resource("connectors", None, owner_id))
    _check_group(work, wish.group_id)
    _check_name(work, owner_id, wish.name)
    config = checked_config(wish.type, wish.config)
    _check_rules(wish.type, wish.rules)
    connector = Connector(
        owner_id=owner_id, group_id=wish.group_id, project_id=wish.project_id, type=wish.type, name=wish.name,
        description=wish.description, config=config, rules=dict(wish.rules), hold_s=wish.hold_s, enabled=wish.enabled,
        position={}, state="ok",
    )  # fmt: skip
    plan_poll(connector)
    work.session.add(connector)
    work.session.flush()
    tell(work, "connector.created", connector)
    return connector


def for_change(work: Work, connector_id: uuid.UUID) -> Connector:
    """One connector, locked, to be changed. Raises NotFound."""
    return find(work, "connectors.update", connector_id, lock=True)


def change(work: Work, connector: Connector, patch: ConnectorPatch) -> Connector:
    """Changes a connector, as `for_change` gave it. Raises Conflict for a taken name, Invalid for what does not fit."""
    given: dict[str, Any] = {name: getattr(patch, name) for name in patch.model_fields_set}
    for name, value in given.items():
        if value is None:
            raise Invalid.field(name, "this cannot be taken away; leave it out or give a value")
    if given.get("name", connector.name) != connector.name:
        _check_name(work, connector.owner_id, given["name"])
    if "config" in given:
        given["config"] = checked_config(connector.type, given["config"])
        _keep_secret_here(work, connector, given["config"])
        connector.position = {}
    if "rules" in given:
        merged = {**connector.rules, **given["rules"]}
        given["rules"] = {name: verdict for name, verdict in merged.items() if verdict is not None}
        _check_rules(connector.type, given["rules"])
    for name, value in given.items():
        setattr(connector, name, value)
    plan_poll(connector)
    work.session.flush()
    tell(work, "connector.updated", connector)
    return connector


def set_enabled(work: Work, connector_id: uuid.UUID, enabled: bool) -> Connector:
    """Lets a connector be used, or no more. Enabling one that was stopped puts it to work again."""
    action = "connectors.enable" if enabled else "connectors.disable"
    connector = find(work, action, connector_id, lock=True)
    connector.enabled = enabled
    if enabled:
        put_right(connector)
    plan_poll(connector)
    work.session.flush()
    tell(work, "connector.enabled" if enabled else "connector.disabled", connector)
    return connector


def remove(work: Work, connector_id: uuid.UUID) -> None:
    """Uninstalls a connector, with its credentials and the history of its operations. Raises NotFound."""
    connector = find(work, "connectors.delete", connector_id, lock=True)
    work.session.delete(connector)
    work.session.flush()
    tell(work, "connector.deleted", connector)


def put_right(connector: Connector) -> None:
    """Starts again to count refusals of the credential."""
    connector.state, connector.stopped_reason, connector.auth_failures = "ok", None, 0


def plan_poll(connector: Connector) -> None:
    """Has a node look for what is new, where the connector is set up for that."""
    hears = connector.config.get("poll_s", 0) > 0 or connector.config.get("idle", False)
    looks = connector.enabled and connector.state == "ok" and hears
    connector.poll_at = now() if looks else None


def checked_config(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """The settings as they are kept. Raises Invalid naming the fields."""
    from gateway.adapters.connectors.failure import ConnectorError
    from gateway.adapters.connectors.registry import Unfit
    from gateway.adapters.connectors.registry import checked_config as check

    if len(json.dumps(config)) > CONFIG_BYTES:
        raise Invalid.field("config", f"settings may have {CONFIG_BYTES // 1024} KiB; give a document by its address")
    try:
        return check(kind, config).model_dump(mode="json")
    except Unfit as unfit:
        raise Invalid.fields(unfit.problems) from unfit
    except ConnectorError as error:
        raise Invalid.field("type", str(error)) from error


def denied_by_rule(actor: Actor, connector: Connector, operation: str, action: str) -> Decision | None:
    """That a policy rule about the type, or about the operation of the type, denies it.

    Such a rule names `connector_types/TYPE` or `connector_operations/TYPE.OPERATION` as its resource.
    """
    for kind, key in (
        ("connector_types", connector.type),
        ("connector_operations", f"{connector.type}.{operation}"),
    ):
        decision = can(actor, action, Resource(kind, key, actor.user_id, connector.project_id))
        if decision.rule is not None and not decision.allowed:
            return decision
    return None


def lost_right(work: Work, connector: Connector, name: str, mode: str) -> str | None:
    """Why the caller, who was let in to that operation, would not be let in now."""
    action = f"connectors.{mode}_op"
    lost = projects.why_lost(work.actor, place_of(work, connector, action), action)
    denied = denied_by_rule(work.actor, connector, name, action) if name in operations_of(connector) else None
    return lost or (denied.reason if denied is not None else None)


def tell(work: Work, name: str, connector: Connector, **data: Any) -> None:
    """An event about a connector, for whoever may see what is its owner's or its project's."""
    about = {"connector_id": str(connector.id), "name": connector.name, "type": connector.type, **data}
    work.emit(name, owner_id=connector.owner_id, project_id=connector.project_id, data=about)


def _check_group(work: Work, group_id: uuid.UUID | None) -> None:
    if group_id is not None and group_id not in groups_of(work):
        raise Invalid.field("group_id", "there is no such group, or you are no member of it")


def _check_name(work: Work, owner_id: uuid.UUID, name: str) -> None:
    if queries.name_is_taken(work.session, owner_id, name):
        raise Conflict(f"There is a connector {name!r} already; choose another name.", code="name_taken")


def _keep_secret_here(work: Work, connector: Connector, config: dict[str, Any]) -> None:
    """A credential goes where it was given for, and nowhere else: whoever may change settings may not see it."""
    from gateway.adapters.connectors.registry import KINDS

    moved = [name for name in KINDS[connector.type].secret_goes_to if config[name] != connector.config.get(name)]
    if moved and queries.in_force(work.session, [connector.id]):
        words = "it says where the credential is sent; disable the credential first, and rotate it afterwards"
        raise Invalid.field(f"config.{moved[0]}", words)


def _check_rules(kind: str, rules: dict[str, Any]) -> None:
    from gateway.adapters.connectors.registry import KINDS

    known = {*MODES, *KINDS[kind].operations}
    if not KINDS[kind].learns and (unknown := sorted(set(rules) - known)):
        raise Invalid.field("rules", f"{unknown[0]} is no operation of {kind}; there are {', '.join(sorted(known))}")
