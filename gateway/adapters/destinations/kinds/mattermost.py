"""Mattermost's incoming webhooks."""

from typing import Annotated

from pydantic import Field

from gateway.adapters.destinations.base import Message, shortened
from gateway.adapters.destinations.by_http import HttpConfig, HttpDestination, check_url

LONGEST = 16_000


class MattermostConfig(HttpConfig):
    """How the message appears, where the webhook lets us choose."""

    username: Annotated[str | None, Field(max_length=80, title="Shown name")] = None
    channel: Annotated[str | None, Field(max_length=80, title="Channel")] = None


class Mattermost(HttpDestination[MattermostConfig]):
    """A message in a Mattermost channel. The webhook's URL is the secret."""

    kind = "mattermost"
    title = "Mattermost"
    Config = MattermostConfig
    key_label = "URL of the incoming webhook"
    per_minute = 300

    @classmethod
    def check(cls, config: MattermostConfig, secret: str | None) -> None:
        if secret is not None:
            check_url(secret, config.allowed_hosts, "secret")

    async def send(self, message: Message) -> int | None:
        said = {"text": f"**{message.title}**\n{shortened(message.text, LONGEST)}".replace("@", "@\u200b")}
        chosen = {"username": self.config.username, "channel": self.config.channel}
        return await self.send_json(
            self.secrets[0], said | {name: value for name, value in chosen.items() if value is not None}
        )
