"""The contract every model provider keeps: list models, stream a chat, report health, fail with a reason.

Resolving a provider to an address (`upstream`, synchronous and quick) is apart from calling it (`chat`), so
that another process can pass completions on to the same upstream with a client of its own.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

Message = Mapping[str, Any]
"""One chat message in OpenAI's shape: `{"role": "user", "content": "…"}`."""

Ability = Literal["tools", "prompted", "plain"]
"""How a model can be given tools: it calls them itself, is asked for calls in JSON, or answers plainly."""

ProgressHook = Callable[[str, int, int], None]
"""Told `(what is going on, how much is done, how much there is)` while an answer is being prepared.

That are bytes of a model that is fetched before its first answer, and tokens of a long question that is read.
"""


class ProviderError(Exception):
    """A provider could not do what was asked: one sentence that says why and, where known, what to do.

    `permanent` errors come back however often the call is repeated; the others may pass. `code` is a stable
    snake_case word, `status` the upstream's HTTP status where it gave one, `retry_after` its wish in seconds.
    The message never holds a secret.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        permanent: bool,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.permanent = permanent
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True)
class ModelInfo:
    """A model a provider offers. `owned_by` is empty, and `context_size`, in tokens, None where it does not tell.

    So is `price`: US dollars a million tokens read, and written.
    """

    id: str
    owned_by: str
    context_size: int | None = None
    price: tuple[float, float] | None = None
    created: datetime | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens read and written, as the provider counted them."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Delta:
    """One step of a streamed answer: more text, why it ended, or what it used.

    Before all that it may tell how many tokens of the question are `read`, of how many.
    """

    text: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    read: tuple[int, int] | None = None


@dataclass(frozen=True)
class Health:
    """Whether a provider can answer now; when it cannot, why not and what a person can do about it."""

    ok: bool
    reason: str | None = None
    remedy: str | None = None
    latency_ms: float | None = None


@dataclass(frozen=True)
class Upstream:
    """Where one model is reached over OpenAI's protocol. The headers hold the key, so they are not shown.

    `asked_of_streams` is what a request for a stream says besides, to this server alone.
    """

    base_url: str
    model: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    asked_of_streams: Mapping[str, Any] = field(default_factory=dict)

    def within(self, traceparent: str) -> "Upstream":
        """The same, told which trace the call is part of (W3C Trace Context)."""
        return replace(self, headers={**self.headers, "traceparent": traceparent})


@dataclass(frozen=True)
class Timeouts:
    """Seconds a call may take to connect, to send its first byte, between two pieces, and in all."""

    connect: float = 5
    first_byte: float = 120
    idle: float = 60
    total: float = 900
    list: float = 8


class ProviderConfig(BaseModel):
    """The non-secret settings of one kind; served as JSON Schema, so that forms need not know the kinds."""

    model_config = ConfigDict(extra="forbid", frozen=True)


ConfigT = TypeVar("ConfigT", bound=ProviderConfig)


class Provider(ABC, Generic[ConfigT]):
    """One configured provider. Made by `registry.create_provider`; closed with `aclose`."""

    kind: ClassVar[str]
    Config: ClassVar[type[ProviderConfig]]

    def __init__(
        self,
        config: ConfigT,
        *,
        models_dir: Path,
        api_key: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.config = config
        self.models_dir = models_dir
        self.timeouts = timeouts or Timeouts()
        self._api_key = api_key

    @abstractmethod
    def upstream(self, model: str) -> Upstream:
        """Say where `model` is reached. Never waits; ProviderError `not_running` where it must be started."""

    async def prepare(self, model: str, on_progress: ProgressHook | None = None) -> None:
        """Make `model` ready to answer. Most kinds have nothing to do. Raises ProviderError."""

    @abstractmethod
    async def list_models(self) -> list[ModelInfo]:
        """The models on offer. Raises ProviderError."""

    @abstractmethod
    def chat(
        self,
        model: str,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] | None = None,
        response_format: Mapping[str, Any] | None = None,
        on_progress: ProgressHook | None = None,
    ) -> AsyncGenerator[Delta]:
        """Stream one answer. Closing the generator ends the upstream's work. Raises ProviderError."""

    @abstractmethod
    async def health(self) -> Health:
        """Whether the provider could answer now. Cheap, and never raises."""

    async def aclose(self) -> None:
        """Give back connections."""
