"""Discord's channel webhooks."""

import json
from contextlib import suppress
from typing import Annotated

from pydantic import Field

from gateway.adapters.destinations.base import DeliveryError, Message, shortened
from gateway.adapters.destinations.by_http import HttpConfig, HttpDestination, bounded_wait, check_url
from gateway.core.outbound.exchange import Answer

LONGEST = 2000


class DiscordConfig(HttpConfig):
    """How the message appears."""

    username: Annotated[str | None, Field(min_length=1, max_length=80, title="Shown name")] = None


class Discord(HttpDestination[DiscordConfig]):
    """A message in a Discord channel. The webhook's URL is the secret."""

    kind = "discord"
    title = "Discord"
    Config = DiscordConfig
    key_label = "URL of the webhook"
    per_minute = 30

    @classmethod
    def check(cls, config: DiscordConfig, secret: str | None) -> None:
        if secret is not None:
            check_url(secret, config.allowed_hosts, "secret")

    async def send(self, message: Message) -> int | None:
        said = {
            "content": shortened(f"**{message.title}**\n{message.text}", LONGEST),
            "allowed_mentions": {"parse": []},  # nobody is called by what an event's text says
        }
        if self.config.username is not None:
            said["username"] = self.config.username
        return await self.send_json(f"{self.secrets[0]}?wait=true", said)

    def refusal(self, answer: Answer) -> DeliveryError:
        error = super().refusal(answer)
        if answer.status == 429:
            with suppress(ValueError, KeyError, TypeError, OverflowError):
                error.retry_after_s = bounded_wait(float(json.loads(answer.content)["retry_after"]))
        return error
