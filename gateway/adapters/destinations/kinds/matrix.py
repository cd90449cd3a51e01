"""Rooms of Matrix, by the client-server API."""

from typing import Annotated
from urllib.parse import quote

from pydantic import Field

from gateway.adapters.destinations.base import Message, shortened
from gateway.adapters.destinations.by_http import HttpConfig, HttpDestination, check_url
from gateway.core.schemas import Shape

LONGEST = 16_000


class MatrixConfig(HttpConfig):
    """The room, and the server of the account that writes there."""

    homeserver: Annotated[str, Field(max_length=300, title="Homeserver", description="For example https://matrix.org.")]
    room_id: Annotated[
        str,
        Field(max_length=255, title="Room", description="Its internal id, as in !abc:matrix.org."),
        Shape("^(![^:]+(:.+)?|#.+:.+)$", "a room, such as !abc:matrix.org or #name:matrix.org"),
    ]


class Matrix(HttpDestination[MatrixConfig]):
    """A notice in a room. Attempts of one message carry one transaction id, so the server keeps one."""

    kind = "matrix"
    title = "Matrix"
    Config = MatrixConfig
    key_label = "Access token of the account"
    key_goes_to = ("homeserver",)
    per_minute = 60

    @classmethod
    def check(cls, config: MatrixConfig, secret: str | None) -> None:
        check_url(config.homeserver, config.allowed_hosts, "homeserver")

    async def send(self, message: Message) -> int | None:
        room, transaction = quote(self.config.room_id, safe=""), quote(message.id, safe="")
        url = f"{self.config.homeserver.rstrip('/')}/_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}"
        said = {"msgtype": "m.notice", "body": f"{message.title}\n{shortened(message.text, LONGEST)}"}
        return await self.send_json(url, said, method="PUT", headers={"Authorization": f"Bearer {self.secrets[0]}"})
