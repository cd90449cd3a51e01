"""Whatever else the apprise library can reach: Telegram, Teams and some hundred others, each by a URL.

It connects by itself, so each message is sent in a process of its own (`apprise_child`), where the interpreter judges
every connection; a message that hangs costs a killed process.
"""

import os
from pathlib import Path

from gateway.adapters.destinations.base import DeliveryError, Destination, Message, shortened
from gateway.adapters.destinations.by_http import HttpConfig
from gateway.core.apart import apart

CHILD = Path(__file__).parent.parent / "apprise_child.py"
LONGEST = 4000
NOTIFY_TYPES = {"info": "info", "warning": "warning", "error": "failure"}
_KEPT = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "SYSTEMROOT")


class AppriseConfig(HttpConfig):
    """The address, with its tokens, is the secret."""


class Apprise(Destination[AppriseConfig]):
    """A message by one of apprise's services."""

    kind = "apprise"
    title = "Another service (apprise)"
    Config = AppriseConfig
    key_label = "Apprise URL, such as tgram://bottoken/ChatID"
    per_minute = 30

    @classmethod
    def check(cls, config: AppriseConfig, secret: str | None) -> None:
        if secret is not None and ("://" not in secret or not secret.isprintable() or len(secret.split()) != 1):
            raise ValueError("secret: it must be one URL as apprise writes them, such as tgram://bottoken/ChatID")

    async def send(self, message: Message) -> int | None:
        wish = {
            "url": self.secrets[0], "title": message.title, "text": shortened(message.text, LONGEST),
            "type": NOTIFY_TYPES[message.severity], "allowed_hosts": self.config.allowed_hosts,
        }  # fmt: skip
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        answer = await apart(CHILD, wish, seconds=None, environment=environment)
        if answer is None:
            raise DeliveryError("The service could not be asked.", code="refused", permanent=False)
        if "problem" in answer:
            raise DeliveryError(answer["problem"], code=answer["code"], permanent=answer["permanent"])
        return None
