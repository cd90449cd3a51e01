"""The contract every kind of connector keeps: typed operations, a test, and for some a look for what is new.

A connector is made for one call, from plain values, with its secret opened; it reaches the world by its `Egress` alone.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from gateway.core.schemas import Shape

from .egress import Egress
from .failure import ConnectorError

Mode = Literal["read", "send", "admin"]
"""What an operation does outside: looks, writes something that others see, or changes how things are set up."""


WebAddress = Annotated[
    str,
    Field(max_length=2000),
    Shape(r"^https?://[^\s/?#\\]+[^\s\\]*$", "an address that begins with http:// or https://, without spaces"),
]
"""Where a service on the web is."""

Host = Annotated[str, Field(max_length=253), Shape(r"^[^\s/?#@\\]+$", "the name of a server, such as mail.example.org")]
"""A server's name, or its address in digits."""


class ConnectorConfig(BaseModel):
    """The settings of one kind that are no secret; served as JSON Schema, so that forms need not know the kinds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allowed_hosts: list[str] = Field(
        [], title="Private hosts", max_length=20,
        description="hosts of this machine or a private network that it may reach; public ones need no entry",
    )  # fmt: skip


class PollingConfig(ConnectorConfig):
    """The settings of a kind that can look for what is new by itself."""

    poll_s: int = Field(
        0, title="Look every so many seconds", ge=0, le=86_400,
        description="how often it looks for what is new and tells it as events; 0 never",
    )  # fmt: skip


class ConnectorSecret(BaseModel):
    """What a kind signs in with."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Arguments(BaseModel):
    """What an operation takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """What an operation answers; the rest of what a service says is left out."""

    model_config = ConfigDict(extra="ignore", frozen=True)


@dataclass(frozen=True)
class Operation:
    """One thing that a connector can do. `call` is how, for kinds that learn their operations from a server.

    `files` is the argument with the ids of artifacts that go out with it.
    """

    name: str
    mode: Mode
    title: str
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    call: dict[str, Any] = field(default_factory=dict)
    files: str | None = None


@dataclass(frozen=True)
class File:
    """A file that came with an answer, to become an artifact; or an artifact that goes out."""

    filename: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Found:
    """What a test found. `operations` are those that a server offers, for kinds that ask it."""

    detail: str
    operations: tuple[Operation, ...] | None = None


@dataclass(frozen=True)
class Polled:
    """What is new since `position`, oldest first, and where to go on next time."""

    position: dict[str, Any]
    happenings: tuple[dict[str, Any], ...] = ()


C = TypeVar("C", bound=ConnectorConfig)
Method = TypeVar("Method", bound=Callable[..., Awaitable[Answer]])
_MARK = "operation_mark"


def operation(mode: Mode, title: str, *, files: str | None = None) -> Callable[[Method], Method]:
    """Makes a method an operation: its argument and its answer are models, which become its JSON Schemas.

    `files` names the field of the argument with the ids of artifacts, which the method then has in `given`.
    """

    def mark(method: Method) -> Method:
        setattr(method, _MARK, (mode, title, files))
        return method

    return mark


class Connector(ABC, Generic[C]):
    """One connector at work. Made by `registry.create`; closed with `aclose`.

    `learns` says that its operations come from a server, `happening` names the event of what a poll finds,
    `secret_goes_to` the settings that say where the secret is sent.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    Config: ClassVar[type[ConnectorConfig]]
    Secret: ClassVar[type[ConnectorSecret] | None] = None
    secret_goes_to: ClassVar[tuple[str, ...]] = ("base_url",)
    needs_secret: ClassVar[bool] = True
    learns: ClassVar[bool] = False
    happening: ClassVar[str | None] = None
    operations: ClassVar[dict[str, Operation]] = {}

    def __init__(self, config: C, secret: Any, egress: Egress) -> None:
        self.config = config
        self.secret = secret
        self.egress = egress
        self.files: list[File] = []
        self.given: list[File] = []

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = {name: _described(name, method) for name, method in vars(cls).items() if hasattr(method, _MARK)}
        cls.operations = {**cls.operations, **own}

    async def invoke(self, operation: Operation, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carries out one operation; files that come with the answer are in `files`. Raises ConnectorError."""
        method = getattr(self, operation.name)
        taken = get_type_hints(method)["arguments"]
        answer: Answer = await method(taken.model_validate(arguments))
        return answer.model_dump(mode="json")

    @abstractmethod
    async def test(self) -> Found:
        """Whether it could work now, by something that changes nothing. Raises ConnectorError."""

    async def poll(self, position: dict[str, Any]) -> Polled:
        """What is new since `position`, which is {} the first time. Raises ConnectorError."""
        return Polled(position)

    def listen(self) -> AsyncGenerator[None, None]:
        """Says when it has begun to listen, and whenever there may be something new. Raises ConnectorError."""
        raise ConnectorError("This type only looks by itself.", code="cannot_listen")

    async def aclose(self) -> None:
        """Gives back what it holds open."""
        await self.egress.aclose()


def secrets_of(secret: ConnectorSecret | None) -> list[str]:
    """The secret values in a credential."""
    values = [value for _, value in secret] if secret is not None else []
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr) and value.get_secret_value()]


def _described(name: str, method: Any) -> Operation:
    mode, title, files = getattr(method, _MARK)
    hints = get_type_hints(method)
    description = " ".join((method.__doc__ or title).split())
    taken, answer = hints["arguments"], hints["return"]
    return Operation(
        name, mode, title, description, taken.model_json_schema(), answer.model_json_schema(mode="serialization"),
        files=files,
    )  # fmt: skip
