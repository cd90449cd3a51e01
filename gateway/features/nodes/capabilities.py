"""What the nodes that are online can do."""

from collections.abc import Iterator
from typing import Any

from gateway.core.capability import Capability, on_if
from gateway.core.config import Config
from gateway.core.unit_of_work import Work

from . import service

NO_NODE = ("No node is online.", "Start one with `app.py node`, or the gateway without --no-node.")
TAKES_NOTHING = ("No node takes work.", "Enable one under Nodes, or by POST /v1/nodes/{id}/enable.")


def found(work: Work, config: Config) -> Iterator[Capability]:
    """Nodes, sandboxes, models, the local one, GPUs."""
    online = service.online(work)
    taking = [node for node in online if node.admission == "open"]
    yield on_if(
        bool(taking), "node", *(TAKES_NOTHING if online else NO_NODE), online=len(online), taking_work=len(taking)
    )
    sandboxes = [node.capabilities["sandbox"] for node in online if "sandbox" in node.capabilities]
    bad: dict[str, Any] = next((sandbox for sandbox in sandboxes if not sandbox["ok"]), {})
    kinds = sorted({sandbox["kind"] for sandbox in sandboxes if sandbox["ok"]})
    why = (bad.get("reason") or NO_NODE[0], bad.get("remedy") or NO_NODE[1])
    yield on_if(bool(kinds), "sandbox", *why, kinds=kinds)
    models = sorted({model["id"] for node in online for model in node.capabilities.get("models", [])})
    remedy = "Run `app.py model pull smollm2-135m`, start Ollama or LM Studio, or add a provider under Models."
    yield on_if(bool(models), "models", "No model is within reach.", remedy, ids=models)
    local = [model for node in online for model in node.capabilities.get("local_models", [])]
    names = sorted({model["id"] for model in local if model["is_here"]})
    remedy = "Just ask: the first question fetches it. Or run `app.py model pull smollm2-135m`."
    yield on_if(bool(names), "local_model", "The built-in model has not been fetched yet.", remedy, ids=names)
    gpus = sorted({gpu for node in online for gpu in node.capabilities.get("gpus", [])})
    remedy = "Start a node on a machine that has one; models on the processor work without."
    yield on_if(bool(gpus), "gpu", "No node has one that its drivers show.", remedy, names=gpus)
