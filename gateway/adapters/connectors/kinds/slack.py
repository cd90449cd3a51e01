"""Slack, by its Web API (https://api.slack.com/web). Its SDK brings a client of its own, past the guard."""

from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from gateway.adapters.connectors.base import WebAddress
from gateway.adapters.connectors.chat import Channel, Chat, ChatConfig, Me, Message, Post, Posted
from gateway.adapters.connectors.failure import AUTHENTICATION_FAILED, ConnectorError
from gateway.adapters.connectors.json_api import JsonApi

SIGNED_OUT = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "no_permission"}
)


class SlackConfig(ChatConfig):
    """Where Slack is."""

    base_url: WebAddress = Field("https://slack.com/api", title="Address")


class Slack(Chat[SlackConfig]):
    """A bot in a workspace."""

    kind, title = "slack", "Slack"
    summary = "Post to channels, read them, and hear when it is mentioned."
    Config = SlackConfig

    async def me(self) -> Me:
        """`auth.test`."""
        told = await self._ask("POST", "auth.test", {})
        return Me(told["user_id"], str(told.get("user", told["user_id"])), (f"<@{told['user_id']}>",))

    async def post(self, wish: Post) -> Posted:
        """`chat.postMessage`."""
        body = {"channel": wish.channel, "text": wish.text}
        if wish.thread:
            body["thread_ts"] = wish.thread
        told = await self._ask("POST", "chat.postMessage", body)
        return Posted(id=told["ts"], channel=told["channel"])

    async def history(self, channel: str, limit: int) -> list[Message]:
        """`conversations.history`."""
        told = await self._ask("GET", "conversations.history", {"channel": channel, "limit": limit})
        return [
            Message(
                id=each["ts"], author=each.get("user") or each.get("bot_id") or "", text=each.get("text", ""),
                time=datetime.fromtimestamp(float(each["ts"]), UTC).isoformat(), thread=each.get("thread_ts"),
            )
            for each in told["messages"]
        ]  # fmt: skip

    async def channels(self) -> list[Channel]:
        """`conversations.list`, its first 200."""
        told = await self._ask("GET", "conversations.list", {"limit": 200, "exclude_archived": "true"})
        return [Channel(id=each["id"], name=each.get("name", "")) for each in told["channels"]]

    async def _ask(self, method: str, name: str, values: dict[str, Any]) -> Any:
        token = self.secret.token.get_secret_value()
        api = JsonApi(self.egress, self.config.base_url, {"Authorization": f"Bearer {token}"})
        place = {"query": values} if method == "GET" else {"body": values}
        told = await api.call(method, f"/{name}", **place)
        if told.get("ok") is not True:
            reason = str(told.get("error", "unknown"))[:100]
            if reason in SIGNED_OUT:
                raise ConnectorError(f"Slack does not take the token: {reason}.", code=AUTHENTICATION_FAILED)
            raise ConnectorError(f"Slack refused: {reason}.", code="refused_by_service")
        return told
