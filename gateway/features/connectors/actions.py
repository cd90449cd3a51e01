"""What can be done with connectors, for the catalogue of actions."""

from gateway.core.resources import Kind, names

from . import service, service_explain, service_operations

ACTIONS: dict[str, str] = {
    "connectors.read": "See connectors, their operations and what was done with them",
    "connectors.create": "Install a connector",
    "connectors.update": "Change a connector, its settings and what is allowed with it",
    "connectors.delete": "Uninstall a connector",
    "connectors.enable": "Let a connector be used",
    "connectors.disable": "Stop a connector from being used",
    "connectors.test": "Try whether a connector works",
    "connectors.keep_credential": "Give a connector a credential, replace, disable or revoke it",
    "connectors.grant": "Lend the use of an operation for some time, or take that back",
    "connectors.release": "Let an operation that is held go, or undo it",
    "connectors.read_op": "Have a connector carry out an operation that reads",
    "connectors.send_op": "Have a connector carry out an operation that sends",
    "connectors.admin_op": "Have a connector carry out an operation that changes how things are set up",
}

RESOURCES = (
    Kind("connectors", service.described, listed=("connectors.read",), further=service_explain.decided),
    Kind("operations", service_operations.described),
    names("connector_types"),
    names("connector_operations"),
)
