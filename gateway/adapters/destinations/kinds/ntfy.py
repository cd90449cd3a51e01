"""ntfy: push messages to telephones, by ntfy.sh or a server of one's own."""

from typing import Annotated

from pydantic import Field

from gateway.adapters.destinations.base import Message, shortened
from gateway.adapters.destinations.by_http import HttpConfig, HttpDestination, check_url
from gateway.core.schemas import Shape

LONGEST = 3500
PRIORITY = {"info": 3, "warning": 4, "error": 5}


class NtfyConfig(HttpConfig):
    """The topic. On a public server whoever guesses its name can read it."""

    server: Annotated[str, Field(max_length=300, title="Server")] = "https://ntfy.sh"
    topic: Annotated[str, Field(title="Topic"), Shape("^[A-Za-z0-9_-]{1,64}$", "up to 64 letters, digits, _ and -")]


class Ntfy(HttpDestination[NtfyConfig]):
    """A push message, more urgent the graver the event."""

    kind = "ntfy"
    title = "ntfy"
    Config = NtfyConfig
    key_need = "optional"
    key_label = "Access token"
    key_goes_to = ("server",)
    per_minute = 60

    @classmethod
    def check(cls, config: NtfyConfig, secret: str | None) -> None:
        check_url(config.server, config.allowed_hosts, "server")

    async def send(self, message: Message) -> int | None:
        said = {
            "topic": self.config.topic, "title": message.title, "message": shortened(message.text, LONGEST),
            "priority": PRIORITY[message.severity],
        }  # fmt: skip
        headers = {"Authorization": f"Bearer {self.secrets[0]}"} if self.secrets else {}
        return await self.send_json(self.config.server, said, headers=headers)
