"""The contract every kind of destination keeps: take one message there, or fail with a reason.

Time limits are set here and nowhere else. A kind gets plain values; its secret is in no message of an error.
"""

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

import truststore
from pydantic import BaseModel, ConfigDict, Field

from gateway.core.outbound.exchange import OutboundError

Severity = Literal["info", "warning", "error"]
SecretNeed = Literal["required", "optional", "generated", "none"]

ATTEMPT_S = 15.0
"""How long one attempt may take, from looking the name up to the last byte of the answer."""

CONNECT_S = 5.0


class DeliveryError(Exception):
    """A message did not arrive: one sentence that says why, a stable `code`, and whether trying again can help.

    `gone`: the destination says that it is no more (410). `in_part`: some of those that it was for have it, so that
    the destination works, and trying again would tell them twice. `status` is its HTTP or SMTP status where it gave
    one, `retry_after_s` its wish.
    """

    def __init__(
        self, message: str, *, code: str, permanent: bool, status: int | None = None,
        retry_after_s: float | None = None, gone: bool = False, in_part: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.code = code
        self.permanent = permanent
        self.status = status
        self.retry_after_s = retry_after_s
        self.gone = gone
        self.in_part = in_part


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be said. `id` is the same on every attempt; `payload` is the whole of it as JSON values.

    `body` replaces the payload for a kind that sends JSON as it is: what the user's own template made.
    """

    id: str
    name: str
    severity: Severity
    title: str
    text: str
    time: datetime
    payload: Mapping[str, Any]
    body: str | None = None


class DestinationConfig(BaseModel):
    """Settings of a destination that are no secret."""

    model_config = ConfigDict(extra="forbid")


AllowedHosts = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=253)]],
    Field(
        max_length=20, title="Allowed private hosts",
        description="Hosts of this machine or a private network that may be reached; all others must be public.",
    ),
]  # fmt: skip

C = TypeVar("C", bound=DestinationConfig)


class Destination(ABC, Generic[C]):
    """One destination, made for one configuration. `secrets` holds the newest first; only web hooks have several."""

    kind: ClassVar[str]
    title: ClassVar[str]
    Config: ClassVar[type[Any]]
    key_need: ClassVar[SecretNeed] = "required"
    key_label: ClassVar[str] = ""
    key_goes_to: ClassVar[tuple[str, ...]] = ()
    """The settings that say to whom the secret is shown."""
    per_minute: ClassVar[int | None] = None
    """How many messages a minute it takes, where the service's own limit is known."""

    def __init__(self, config: C, secrets: Sequence[str]) -> None:
        self.config = config
        self.secrets = secrets

    @classmethod
    def check(cls, config: C, secret: str | None) -> None:
        """Raises ValueError, with a sentence, for settings that cannot be right."""

    @classmethod
    def unavailable(cls) -> tuple[str, str] | None:
        """Why this kind cannot be used on this machine, and what to do; None when it can."""
        return None

    @abstractmethod
    async def send(self, message: Message) -> int | None:
        """Takes the message there; returns the status the other side gave. Raises DeliveryError, OutboundError."""

    async def aclose(self) -> None:
        """Closes what is kept open."""

    async def deliver(self, message: Message) -> int | None:
        """`send` within the time limit, every failure a DeliveryError."""
        try:
            async with asyncio.timeout(ATTEMPT_S):
                return await self.send(message)
        except OutboundError as error:
            raise DeliveryError(str(error), code=error.code, permanent=error.permanent) from error
        except TimeoutError as error:
            raise DeliveryError(
                f"It was not answered within {ATTEMPT_S:g} s.", code="outbound_timeout", permanent=False
            ) from error


@cache
def tls_context() -> ssl.SSLContext:
    """The system's certificate store (or `SSL_CERT_FILE`), shared because loading it costs 20 ms."""
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def shortened(text: str, most: int) -> str:
    """At most `most` characters of a text, an ellipsis where some are missing."""
    return text if len(text) <= most else text[: most - 1] + "…"
