"""Web hooks, signed as Standard Webhooks says; while a secret is being replaced, by the old one too."""

import base64
import json
import secrets
from collections.abc import Sequence
from datetime import UTC
from typing import Annotated

from pydantic import Field
from standardwebhooks.webhooks import Webhook as Signer

from gateway.adapters.destinations.base import Message
from gateway.adapters.destinations.by_http import HttpConfig, HttpDestination, check_url
from gateway.core.clock import now

PREFIX = "whsec_"


class WebhookConfig(HttpConfig):
    """Where events are posted to."""

    url: Annotated[str, Field(max_length=2000, title="URL", description="Where each event is posted to.")]


class Webhook(HttpDestination[WebhookConfig]):
    """A POST of JSON. Whoever receives it verifies the signature with the secret and answers 2xx."""

    kind = "webhook"
    title = "Webhook"
    Config = WebhookConfig
    key_need = "generated"
    key_label = "Signing secret"
    permanent = frozenset()

    @classmethod
    def check(cls, config: WebhookConfig, secret: str | None) -> None:
        check_url(config.url, config.allowed_hosts, "url")
        if secret is not None and not 24 <= len(_key_of(secret)) <= 64:
            raise ValueError("secret: it must be whsec_ followed by 24 to 64 bytes in base64")

    def __init__(self, config: WebhookConfig, secrets: Sequence[str]) -> None:
        super().__init__(config, secrets)
        self._signers = [Signer(secret) for secret in secrets]

    async def send(self, message: Message) -> int | None:
        body = message.body
        content_type = "application/json"
        if body is None:
            body = json.dumps(message.payload, ensure_ascii=False, separators=(",", ":"))
        elif not _is_json(body):
            content_type = "text/plain; charset=utf-8"
        moment = now().astimezone(UTC)
        headers = {
            "Content-Type": content_type,
            "webhook-id": message.id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": " ".join(signer.sign(message.id, moment, body) for signer in self._signers),
        }
        return (await self.request("POST", self.config.url, body.encode(), headers)).status


def new_secret() -> str:
    """A signing secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def _key_of(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True) if secret.startswith(PREFIX) else b""
    except ValueError:
        return b""


def _is_json(body: str) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
