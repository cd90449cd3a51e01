"""The gateway: one authenticated front door to everything an agent orchestrator can do."""

from pathlib import Path

__version__ = "0.1.0"

ROOT = Path(__file__).resolve().parent.parent
"""Where `migrations`, `static` and `templates` are."""
