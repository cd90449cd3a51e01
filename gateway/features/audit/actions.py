"""What can be done here."""

ACTIONS: dict[str, str] = {
    "audit.read": "Read audit records: one's own, or everybody's with a role that sees all",
    "audit.export": "Export them as a file",
    "audit.verify": "Check the hash chain and its signed checkpoints",
}
