"""The kinds of destinations, one a module."""
