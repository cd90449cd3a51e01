"""Rules of models: what the online nodes can reach, plus the agent."""

from gateway.core.errors import NotFound
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work
from gateway.features.nodes import service as nodes

from .schemas import ModelList, ModelOut

AGENT = "orchestrator"


def models(work: Work) -> ModelList:
    """Every model that some online node can reach, the agent first."""
    work.allow("models.read", Resource("models"))
    online = nodes.online(work)
    created = int(min((node.started_at.timestamp() for node in online), default=0))
    found = {AGENT: ModelOut(id=AGENT, created=created, owned_by="gateway")}
    for node in online:
        for model in node.capabilities.get("models", []):
            found.setdefault(
                model["id"],
                ModelOut(id=model["id"], created=created, owned_by=model.get("owned_by") or "unknown"),
            )
    return ModelList(data=list(found.values()))


def model(work: Work, model_id: str) -> ModelOut:
    """One model. Raises NotFound naming it."""
    for found in models(work).data:
        if found.id == model_id:
            return found
    raise NotFound(
        f"There is no model {model_id[:200]!r}; GET /v1/models lists those that are there.",
        code="model_not_found",
    )
