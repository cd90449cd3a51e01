"""What can be done with traces: they are read with the right to read what is in them."""

from gateway.core.resources import Kind

ACTIONS: dict[str, str] = {}

RESOURCES: tuple[Kind, ...] = ()
