"""Requests in OpenAI's shape. Fields that are not named here are let through, since upstreams have more of them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.core.schemas import In
from gateway.features.providers.service_upstream import AGENT


class Lenient(BaseModel):
    """A body that may hold more than is known of it."""

    model_config = ConfigDict(extra="allow")


class Message(Lenient):
    """One message; its content is text, or parts such as text and images."""

    role: str = Field(min_length=1, max_length=32)
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(Lenient):
    """`include_usage` asks for a last chunk with what was used."""

    include_usage: bool | None = None


class ChatIn(Lenient):
    """A chat completion. Every further field goes to the model's server as it is."""

    model: str = Field(AGENT, min_length=1, max_length=300, description="`orchestrator`, or PROVIDER/MODEL")
    messages: list[Message] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None


class AnswerPath(In):
    """The name of an answer that goes on without its reader."""

    name: str = Field(pattern=r"^[A-Za-z0-9-]{1,64}$")


class ResponsesIn(Lenient):
    """A response: the conversation as text or items, sent whole, since nothing is kept."""

    model: str = Field(AGENT, min_length=1, max_length=300, description="`orchestrator`, or PROVIDER/MODEL")
    input: str | list[dict[str, Any]] = Field(min_length=1)
    instructions: str | None = None
    tools: list[dict[str, Any]] | None = None
    stream: bool | None = None


class EmbeddingsIn(Lenient):
    """Texts, or lists of tokens, to be embedded."""

    model: str = Field(min_length=1, max_length=300, description="PROVIDER/MODEL")
    input: str | list[str] | list[int] | list[list[int]] = Field(min_length=1)


class WarmIn(In):
    """A model that is about to be used."""

    may_be_absent = True

    model: str = Field(AGENT, min_length=1, max_length=300, description="`orchestrator`, or PROVIDER/MODEL")


class WarmOut(BaseModel):
    """A model that is ready to answer; `behind` is the PROVIDER/MODEL that does."""

    model: str
    behind: str
    ready: Literal[True] = True


class ResponseOut(Lenient):
    """A whole response."""

    id: str
    object: Literal["response"]
    created_at: int
    status: Literal["completed", "incomplete", "failed"]
    model: str
    output: list[dict[str, Any]]
    usage: dict[str, Any] | None = None


class EmbeddingsOut(Lenient):
    """The embeddings, in the order of the texts."""

    object: Literal["list"]
    model: str
    data: list[dict[str, Any]]
    usage: dict[str, Any] | None = None


class ErrorBody(BaseModel):
    """What went wrong; `code` is a stable snake_case word, `param` the field that it is about."""

    message: str
    type: str
    param: str | None
    code: str | None


class ChatOut(Lenient):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, Any] | None = None
