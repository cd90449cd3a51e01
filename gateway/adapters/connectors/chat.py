"""What connectors to chat services share: post, read, list channels, and tell messages that mention them."""

import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from pydantic import Field, SecretStr

from .base import Answer, Arguments, Connector, ConnectorSecret, Found, Polled, PollingConfig, operation

TEXT = 4000
"""Letters of a message."""

EACH_TIME = 50
"""Messages of a channel that one look reads."""


class ChatConfig(PollingConfig):
    """Where the service is, and which channels to watch."""

    channels: list[str] = Field(
        [], title="Watched channels", max_length=20,
        description="ids of channels whose messages that mention it become events",
    )  # fmt: skip


class Token(ConnectorSecret):
    """The token of a bot or an account."""

    token: SecretStr = Field(title="Token", min_length=1, max_length=4000)


class Post(Arguments):
    """A message to post."""

    channel: str = Field(title="Channel", description="its id", min_length=1, max_length=255)
    text: str = Field(title="Text", min_length=1, max_length=TEXT)
    thread: str | None = Field(None, title="In answer to", description="the id of a message", max_length=255)


class Posted(Answer):
    """The message that was posted."""

    id: str
    channel: str


class History(Arguments):
    """Which messages to read."""

    channel: str = Field(title="Channel", description="its id", min_length=1, max_length=255)
    limit: int = Field(20, title="At most", ge=1, le=100)


class Message(Answer):
    """One message."""

    id: str
    author: str
    text: str
    time: str
    thread: str | None = None
    mentions: list[str] = Field([], description="ids of accounts that it mentions, where the service says so")


class Messages(Answer):
    """Messages, the newest first."""

    messages: list[Message]


class Nothing(Arguments):
    """Takes nothing."""


class Channel(Answer):
    """A channel or room."""

    id: str
    name: str


class Channels(Answer):
    """The channels that it may see."""

    channels: list[Channel]


@dataclass(frozen=True)
class Me:
    """Who it is signed in as, and what stands in the text of a message that mentions it."""

    id: str
    name: str
    marks: tuple[str, ...]

    def is_mentioned(self, message: Message) -> bool:
        """Whether somebody else's message speaks to it; a name that only begins like its own is another's."""
        if message.author == self.id:
            return False
        written = (re.search(re.escape(mark) + r"(?![\w-]|:\w)", message.text) for mark in self.marks)
        return self.id in message.mentions or any(written)


C = TypeVar("C", bound=ChatConfig)


class Chat(Connector[C]):
    """A connector to a chat service. Kinds say how the service is asked; what is asked is alike."""

    Secret: ClassVar[type[ConnectorSecret] | None] = Token
    happening = "message_received"

    @operation("send", "Post a message")
    async def post_message(self, arguments: Post) -> Posted:
        """Post a message to a channel."""
        return await self.post(arguments)

    @operation("read", "Read messages")
    async def read_history(self, arguments: History) -> Messages:
        """Read the newest messages of a channel."""
        return Messages(messages=await self.history(arguments.channel, arguments.limit))

    @operation("read", "List channels")
    async def list_channels(self, arguments: Nothing) -> Channels:
        """List the channels that it may see."""
        return Channels(channels=await self.channels())

    @abstractmethod
    async def me(self) -> Me:
        """Who it is signed in as. Raises ConnectorError."""

    @abstractmethod
    async def post(self, wish: Post) -> Posted:
        """Posts a message. Raises ConnectorError."""

    @abstractmethod
    async def history(self, channel: str, limit: int) -> list[Message]:
        """The newest messages of a channel, the newest first. Raises ConnectorError."""

    @abstractmethod
    async def channels(self) -> list[Channel]:
        """The channels it may see. Raises ConnectorError."""

    async def test(self) -> Found:
        """Asks who it is."""
        return Found(f"Signed in as {(await self.me()).name}.")

    async def poll(self, position: dict[str, Any]) -> Polled:
        """Messages of the watched channels that mention it; the first look only takes note of where they are.

        The position has the ids of each channel's newest messages: whatever stands before the first of them that is
        still there is new, though others of them may have been deleted.
        """
        me = await self.me()
        reached, happenings = dict(position), []
        for channel in self.config.channels:
            newest = await self.history(channel, EACH_TIME)
            known = position.get(channel)
            fresh = [] if known is None else _before(newest, known)
            reached[channel] = [each.id for each in newest]
            happenings += [
                {"channel": channel, **message.model_dump(exclude={"mentions"})}
                for message in reversed(fresh)
                if me.is_mentioned(message)
            ]
        return Polled(reached, tuple(happenings))


def _before(newest: list[Message], known: list[str]) -> list[Message]:
    """The messages that stand before the first that is known."""
    first = next((place for place, message in enumerate(newest) if message.id in known), len(newest))
    return newest[:first]
