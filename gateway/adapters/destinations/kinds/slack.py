"""Slack's incoming webhooks, and servers that speak the same."""

from typing import Annotated

from pydantic import Field

from gateway.adapters.destinations.base import Message, shortened
from gateway.adapters.destinations.by_http import HttpConfig, HttpDestination, check_url

LONGEST = 3000


class SlackConfig(HttpConfig):
    """How the message appears, where the webhook lets us choose."""

    username: Annotated[str | None, Field(max_length=80, title="Shown name")] = None
    channel: Annotated[
        str | None, Field(max_length=80, title="Channel", description="Only older webhooks take it.")
    ] = None


class Slack(HttpDestination[SlackConfig]):
    """A message in a Slack channel. The webhook's URL is the secret."""

    kind = "slack"
    title = "Slack"
    Config = SlackConfig
    key_label = "URL of the incoming webhook"
    per_minute = 60

    @classmethod
    def check(cls, config: SlackConfig, secret: str | None) -> None:
        if secret is not None:
            check_url(secret, config.allowed_hosts, "secret")

    async def send(self, message: Message) -> int | None:
        said = {"text": f"*{_escaped(message.title)}*\n{_escaped(shortened(message.text, LONGEST))}", "mrkdwn": True}
        chosen = {"username": self.config.username, "channel": self.config.channel}
        return await self.send_json(
            self.secrets[0], said | {name: value for name, value in chosen.items() if value is not None}
        )


def _escaped(text: str) -> str:
    """Slack's own three escapes: no text of an event can mention a channel or hide a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
