"""Models on the wire, in OpenAI's shape (contract "Chat")."""

from typing import Literal

from gateway.core.schemas import In, Out


class ModelOut(Out):
    """One model; `id` is PROVIDER/MODEL, or the agent `orchestrator`."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(Out):
    """All models the caller may use."""

    object: Literal["list"] = "list"
    data: list[ModelOut]


class ModelPath(In):
    """A model id in a path; it may hold slashes."""

    id: str
