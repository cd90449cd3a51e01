"""What can be done here."""

from gateway.core.resources import Kind

from . import service

ACTIONS: dict[str, str] = {
    "audit.read": "Read audit records: one's own, or everybody's with a role that sees all",
    "audit.export": "Export them as a file",
    "audit.verify": "Check the hash chain and its signed checkpoints",
}

RESOURCES = (Kind("audit", service.described, listed=("audit.read", "audit.export")),)
