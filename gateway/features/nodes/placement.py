"""Which node may take which run, as pure functions over plain values; each no comes with its reason.

Runs lie in queues by what they need, and each node takes from those queues that suit it: so the freest node takes the
next run, and no one decides for others. What a task `requires` is strict: it waits for a node that has it. That
commands need a sandbox and a prompt its model is a preference: where no node has it, any takes the run and says why
it fails.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.core.queue import QUEUE

SANDBOX = "sandbox"
"""Queue of what runs in a sandbox and asks for nothing else."""

INPUTS = "inputs"
"""Queue of what does so with files that it is given: nodes that have them at hand come first."""

MODEL = "model:"
"""Start of the names of queues of prompts that name their model."""

REQUIRES = "requires:"
"""Start of the names of queues of runs whose task `requires` something."""

SHORT_OF_MEMORY = 95.0
"""Per cent of memory in use from which on a node leaves new work to others, where others are free."""


@dataclass(frozen=True)
class Facts:
    """What is known of a node, as far as it decides what the node is given."""

    id: uuid.UUID
    name: str
    admission: str
    labels: Mapping[str, str]
    capabilities: Mapping[str, Any]
    concurrency: int
    running: int
    memory_percent: float

    @property
    def has_sandbox(self) -> bool:
        """Whether commands can run there."""
        return bool(self.capabilities.get("sandbox", {}).get("ok"))

    @property
    def models(self) -> set[str]:
        """The models it reaches, as PROVIDER/MODEL."""
        return {model["id"] for model in self.capabilities.get("models", [])}

    @property
    def has_files(self) -> bool:
        """Whether the gateway's files lie there, and need not be carried."""
        return not self.capabilities.get("files_carried", False)

    @property
    def is_free(self) -> bool:
        """Whether it has a slot left and the memory for more."""
        return self.running < self.concurrency and self.memory_percent < SHORT_OF_MEMORY


def queue_of(
    requires: Mapping[str, Any] | None, *, in_sandbox: bool, model: str | None, has_inputs: bool = False
) -> str:
    """The queue of a run: by what its task requires, else by what its kind needs."""
    if requires:
        canonical = json.dumps(requires, sort_keys=True, separators=(",", ":"))
        return REQUIRES + hashlib.sha256(canonical.encode()).hexdigest()[:20]
    if in_sandbox:
        return INPUTS if has_inputs else SANDBOX
    return MODEL + model if model and "/" in model else QUEUE


def unmet(node: Facts, requires: Mapping[str, Any]) -> list[str]:
    """Why the node cannot have what requires this; empty when it can."""
    has = node.capabilities
    reasons = []
    for key, value in requires.get("labels", {}).items():
        if node.labels.get(key) != value:
            there = f"its {key} is {node.labels[key]}" if key in node.labels else f"it has no label {key}"
            reasons.append(f"{there}, not {value}")
    kind = requires.get("sandbox")
    if kind and (not node.has_sandbox or has["sandbox"].get("kind") != kind):
        reasons.append(f"it has no {kind} sandbox")
    reasons += [f"it does not reach {model}" for model in requires.get("models", []) if model not in node.models]
    if (cpus := requires.get("cpus")) and has.get("cpus", 0) < cpus:
        reasons.append(f"it has {has.get('cpus', 0)} processors, not {cpus}")
    if (memory := requires.get("memory_bytes")) and has.get("memory_bytes", 0) < memory:
        reasons.append(f"it has {has.get('memory_bytes', 0)} bytes of memory, not {memory}")
    if requires.get("gpu") and not has.get("gpus"):
        reasons.append("it has no GPU")
    return reasons


def lacks(node: Facts, queue: str) -> str | None:
    """What a node lacks that runs of that queue do better with."""
    if queue in (SANDBOX, INPUTS) and not node.has_sandbox:
        return "it has no sandbox"
    if queue.startswith(MODEL) and queue.removeprefix(MODEL) not in node.models:
        return f"it does not reach {queue.removeprefix(MODEL)}"
    return None


def refusals(node: Facts, others: Iterable[Facts], queue: str, requires: Mapping[str, Any] | None) -> list[str]:
    """Why the node would not take a run of that queue now, full slots apart; empty when it would."""
    if node.admission != "open":
        return [f"it is {node.admission}"]
    if requires and (reasons := unmet(node, requires)):
        return reasons
    rivals = [other for other in others if other.admission == "open" and not (requires and unmet(other, requires))]
    if (lack := lacks(node, queue)) and any(lacks(other, queue) is None for other in rivals):
        return [lack]
    better = [other for other in rivals if lacks(other, queue) is None or lack]
    if node.memory_percent >= SHORT_OF_MEMORY and any(other.is_free for other in better):
        return [f"{node.memory_percent:.0f} % of its memory is in use, and another node is free"]
    if queue == INPUTS and not node.has_files and any(other.has_files and other.is_free for other in better):
        return ["its files would have to be carried, and another node that has them is free"]
    return []


def queues_for(
    node: Facts, others: Sequence[Facts], waiting: Iterable[tuple[str, Mapping[str, Any] | None]]
) -> list[str]:
    """The queues the node takes from; `waiting` are those beside the common ones that hold runs, with what is required.

    Models it reaches are among them before anything waits there, so that the first prompt starts at once.
    """
    known: dict[str, Mapping[str, Any] | None] = {QUEUE: None, SANDBOX: None, INPUTS: None}
    known |= dict.fromkeys((MODEL + model for model in sorted(node.models)), None)
    known |= dict(waiting)
    return [queue for queue, requires in known.items() if not refusals(node, others, queue, requires)]
