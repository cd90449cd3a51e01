"""The life cycle of sessions: closed ones take in nothing new, and can be opened again."""

OPEN = "open"
CLOSED = "closed"
