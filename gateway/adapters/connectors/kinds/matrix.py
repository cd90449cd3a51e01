"""Matrix, by the client-server API (https://spec.matrix.org), in rooms that are not encrypted."""

import uuid
from datetime import UTC, datetime

from pydantic import Field

from gateway.adapters.connectors.base import WebAddress
from gateway.adapters.connectors.chat import Channel, Chat, ChatConfig, Me, Message, Post, Posted
from gateway.adapters.connectors.json_api import JsonApi, segment


class MatrixConfig(ChatConfig):
    """Where the homeserver is."""

    base_url: WebAddress = Field(title="Homeserver", description="such as https://matrix.example.org")


class Matrix(Chat[MatrixConfig]):
    """An account on a homeserver; `token` is its access token."""

    kind, title = "matrix", "Matrix"
    summary = "Post to rooms, read them, and hear when it is mentioned."
    Config = MatrixConfig

    @property
    def _api(self) -> JsonApi:
        token = self.secret.token.get_secret_value()
        address = f"{self.config.base_url.rstrip('/')}/_matrix/client/v3"
        return JsonApi(self.egress, address, {"Authorization": f"Bearer {token}"})

    async def me(self) -> Me:
        """The account of the token."""
        user = (await self._api.call("GET", "/account/whoami"))["user_id"]
        return Me(user, user, (user, f"@{user[1:].partition(':')[0]}"))

    async def post(self, wish: Post) -> Posted:
        """A text message."""
        content: dict[str, object] = {"msgtype": "m.text", "body": wish.text}
        if wish.thread:
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": wish.thread}}
        path = f"/rooms/{segment(wish.channel)}/send/m.room.message/{uuid.uuid4()}"
        told = await self._api.call("PUT", path, body=content)
        return Posted(id=told["event_id"], channel=wish.channel)

    async def history(self, channel: str, limit: int) -> list[Message]:
        """The newest text messages."""
        query = {"dir": "b", "limit": limit, "filter": '{"types":["m.room.message"]}'}
        told = await self._api.call("GET", f"/rooms/{segment(channel)}/messages", query=query)
        return [
            Message(
                id=each["event_id"], author=each["sender"], text=str(each["content"].get("body", "")),
                time=datetime.fromtimestamp(each["origin_server_ts"] / 1000, UTC).isoformat(),
                mentions=(each["content"].get("m.mentions") or {}).get("user_ids") or [],
            )
            for each in told["chunk"]
            if each.get("type") == "m.room.message"
        ]  # fmt: skip

    async def channels(self) -> list[Channel]:
        """The rooms that the account is in."""
        told = await self._api.call("GET", "/joined_rooms")
        return [Channel(id=room, name=room) for room in told["joined_rooms"]]
