"""Discord, by its HTTP API (https://discord.com/developers/docs/reference), as a bot."""

from pydantic import Field

from gateway.adapters.connectors.base import WebAddress
from gateway.adapters.connectors.chat import Channel, Chat, ChatConfig, Me, Message, Post, Posted
from gateway.adapters.connectors.json_api import JsonApi, segment


class DiscordConfig(ChatConfig):
    """Where Discord is, and the server to list channels of."""

    base_url: WebAddress = Field("https://discord.com/api/v10", title="Address")
    guild: str | None = Field(None, title="Server", description="its id, to list channels", max_length=40)


class Discord(Chat[DiscordConfig]):
    """A bot on a server."""

    kind, title = "discord", "Discord"
    summary = "Post to channels, read them, and hear when it is mentioned."
    Config = DiscordConfig

    @property
    def _api(self) -> JsonApi:
        token = self.secret.token.get_secret_value()
        return JsonApi(self.egress, self.config.base_url, {"Authorization": f"Bot {token}"})

    async def me(self) -> Me:
        """The bot's account."""
        told = await self._api.call("GET", "/users/@me")
        return Me(told["id"], told["username"], (f"<@{told['id']}>", f"<@!{told['id']}>"))

    async def post(self, wish: Post) -> Posted:
        """A message, which pings nobody by @everyone."""
        body: dict[str, object] = {"content": wish.text[:2000], "allowed_mentions": {"parse": ["users"]}}
        if wish.thread:
            body["message_reference"] = {"message_id": wish.thread}
        told = await self._api.call("POST", f"/channels/{segment(wish.channel)}/messages", body=body)
        return Posted(id=told["id"], channel=told["channel_id"])

    async def history(self, channel: str, limit: int) -> list[Message]:
        """The newest messages."""
        told = await self._api.call("GET", f"/channels/{segment(channel)}/messages", query={"limit": limit})
        return [
            Message(
                id=each["id"], author=each["author"]["id"], text=each["content"], time=each["timestamp"],
                thread=(each.get("message_reference") or {}).get("message_id"),
            )
            for each in told
        ]  # fmt: skip

    async def channels(self) -> list[Channel]:
        """The text channels of the server."""
        if self.config.guild is None:
            return []
        told = await self._api.call("GET", f"/guilds/{segment(self.config.guild)}/channels")
        return [Channel(id=each["id"], name=each["name"]) for each in told if each.get("type") in (0, 5)]
