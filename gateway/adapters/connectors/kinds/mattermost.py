"""Mattermost, by its REST API v4 (https://api.mattermost.com)."""

from datetime import UTC, datetime

from pydantic import Field

from gateway.adapters.connectors.base import WebAddress
from gateway.adapters.connectors.chat import Channel, Chat, ChatConfig, Me, Message, Post, Posted
from gateway.adapters.connectors.json_api import JsonApi, segment


class MattermostConfig(ChatConfig):
    """Where the server is."""

    base_url: WebAddress = Field(title="Address", description="such as https://chat.example.org")


class Mattermost(Chat[MattermostConfig]):
    """A bot or an account on a server."""

    kind, title = "mattermost", "Mattermost"
    summary = "Post to channels, read them, and hear when it is mentioned."
    Config = MattermostConfig

    @property
    def _api(self) -> JsonApi:
        token = self.secret.token.get_secret_value()
        return JsonApi(self.egress, f"{self.config.base_url.rstrip('/')}/api/v4", {"Authorization": f"Bearer {token}"})

    async def me(self) -> Me:
        """The account of the token."""
        told = await self._api.call("GET", "/users/me")
        return Me(told["id"], told["username"], (f"@{told['username']}",))

    async def post(self, wish: Post) -> Posted:
        """A post."""
        body = {"channel_id": wish.channel, "message": wish.text, "root_id": wish.thread or ""}
        told = await self._api.call("POST", "/posts", body=body)
        return Posted(id=told["id"], channel=told["channel_id"])

    async def history(self, channel: str, limit: int) -> list[Message]:
        """The newest posts."""
        told = await self._api.call("GET", f"/channels/{segment(channel)}/posts", query={"per_page": limit})
        posts = [told["posts"][id_] for id_ in told["order"]]
        return [
            Message(
                id=each["id"], author=each["user_id"], text=each["message"], thread=each.get("root_id") or None,
                time=datetime.fromtimestamp(each["create_at"] / 1000, UTC).isoformat(),
            )
            for each in posts
        ]  # fmt: skip

    async def channels(self) -> list[Channel]:
        """The channels that the account is in."""
        told = await self._api.call("GET", "/users/me/channels")
        return [Channel(id=each["id"], name=each.get("display_name") or each["name"]) for each in told]
