"""How a model can be given tools: it calls them itself, it is asked to in JSON, or it answers plainly."""

import re

from gateway.adapters.providers.base import Ability
from gateway.adapters.providers.local_model.catalogue import CATALOGUE

SMALLEST_WITH_TOOLS = 1.0
"""Billions of parameters; models below that lose the thread when they are offered tools."""

_SIZE = re.compile(r"(?<![\d.a-z])(\d+(?:\.\d+)?)\s?([bm])(?![a-z])", re.IGNORECASE)


def of(model: str, learned: dict[str, Ability], wish: str = "auto") -> Ability:
    """What to do with `PROVIDER/MODEL`: as the setting wishes, as was learned before, or by its size."""
    if wish != "auto":
        return {"native": "tools", "prompted": "prompted", "off": "plain"}[wish]  # type: ignore[return-value]
    if model in learned:
        return learned[model]
    provider, _, name = model.partition("/")
    if provider == "local" and name in CATALOGUE:
        name = CATALOGUE[name].title
    sizes = [float(number) / (1000 if unit.lower() == "m" else 1) for number, unit in _SIZE.findall(name)]
    return "plain" if sizes and max(sizes) < SMALLEST_WITH_TOOLS else "tools"
