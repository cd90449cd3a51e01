"""The gateway: one authenticated front door to everything an agent orchestrator can do."""

__version__ = "0.1.0"
