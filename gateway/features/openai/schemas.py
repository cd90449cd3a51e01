"""Requests in OpenAI's shape. Fields that are not named here are let through, since upstreams have more of them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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
