"""One module for each kind of connector."""
