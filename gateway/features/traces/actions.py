"""What can be done with traces: they are read with the right to read what is in them."""

ACTIONS: dict[str, str] = {}
