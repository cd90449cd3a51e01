"""Mail that is sent, over SMTP, with aiosmtplib on a connection that the guard has opened."""

import uuid
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from gateway.adapters.connectors.base import (
    Answer,
    Arguments,
    Connector,
    ConnectorConfig,
    ConnectorSecret,
    File,
    Found,
    Host,
    operation,
)
from gateway.adapters.connectors.failure import AUTHENTICATION_FAILED, ConnectorError, of_the_way_out
from gateway.core.outbound.exchange import OutboundError
from gateway.core.schemas import Shape

TIMEOUT_S = 20
Address = Annotated[str, Shape(r"^[^\s<>,;:\"\\@]{1,64}@[^\s<>,;:\"\\@]{1,255}$", "an address, such as me@example.org")]
Line = Annotated[str, Field(max_length=500), Shape(r"^[^\r\n\x00]*$", "one line")]


class SmtpConfig(ConnectorConfig):
    """Which server, and in whose name."""

    host: Host = Field(title="Server")
    port: int = Field(587, title="Port", ge=1, le=65_535)
    security: Literal["tls", "starttls", "none"] = Field(
        "starttls", title="Encryption",
        description="starttls mostly at port 587, tls at 465; with none all goes in the clear",
    )  # fmt: skip
    sender: Address = Field(title="Sender", description="the address that mail is from")


class SmtpSecret(ConnectorSecret):
    """Name and password, for a server that asks for them."""

    username: str = Field(title="User name", min_length=1, max_length=300)
    password: SecretStr = Field(title="Password", min_length=1, max_length=4000)


class Mail(Arguments):
    """A mail."""

    to: list[Address] = Field(title="To", min_length=1, max_length=50)
    cc: list[Address] = Field([], title="Cc", max_length=50)
    bcc: list[Address] = Field([], title="Bcc", max_length=50)
    subject: Line = Field(title="Subject", min_length=1)
    text: str = Field(title="Text", max_length=200_000)
    in_reply_to: Line | None = Field(None, title="In answer to", description="the Message-ID of a mail")
    attachments: list[uuid.UUID] = Field(
        [], title="Attachments", max_length=10, description="ids of artifacts, 20 MiB together"
    )


class Sent(Answer):
    """What became of a mail; `refused` are the addresses that the server did not take."""

    message_id: str
    accepted: list[str]
    refused: list[str]


class Smtp(Connector[SmtpConfig]):
    """A mail server that takes mail."""

    kind, title = "smtp", "Mail (SMTP)"
    summary = "Send mail."
    Config, Secret = SmtpConfig, SmtpSecret
    secret_goes_to = ("host", "port", "security")
    needs_secret = False

    @operation("send", "Send a mail", files="attachments")
    async def send_mail(self, arguments: Mail) -> Sent:
        """Send a mail as plain text, with artifacts attached."""
        message = EmailMessage()
        message["From"], message["Subject"] = self.config.sender, arguments.subject
        message["To"] = ", ".join(arguments.to)
        if arguments.cc:
            message["Cc"] = ", ".join(arguments.cc)
        if arguments.in_reply_to:
            message["In-Reply-To"] = message["References"] = arguments.in_reply_to
        message["Date"] = formatdate()
        message["Message-ID"] = made_id = make_msgid(domain=self.config.sender.rpartition("@")[2])
        message.set_content(arguments.text)
        for file in self.given:
            _attach(message, file)
        everyone = [*arguments.to, *arguments.cc, *arguments.bcc]
        refused = await self._talk(message, everyone)
        return Sent(
            message_id=made_id, accepted=[each for each in everyone if each not in refused], refused=sorted(refused)
        )

    async def test(self) -> Found:
        """Connects and signs in, and sends nothing."""
        await self._talk(None, [])
        return Found(f"{self.config.host} takes mail from {self.config.sender}.")

    async def _talk(self, message: EmailMessage | None, recipients: list[str]) -> set[str]:
        """Sends a message, or none; which recipients the server refused. Raises ConnectorError."""
        import aiosmtplib  # only a node that sends mail pays for it

        config, secret = self.config, self.secret
        try:
            socket = await self.egress.connect(config.host, config.port, TIMEOUT_S)
        except OutboundError as error:
            raise of_the_way_out(error) from error
        server = aiosmtplib.SMTP(
            hostname=config.host, sock=socket, timeout=TIMEOUT_S, use_tls=config.security == "tls",
            start_tls=config.security == "starttls", tls_context=self.egress.tls, local_hostname="localhost",
        )  # fmt: skip
        try:
            async with server:
                if secret is not None:
                    await server.login(secret.username, secret.password.get_secret_value())
                if message is None:
                    await server.noop()
                    return set()
                refused, _ = await server.send_message(message, sender=config.sender, recipients=recipients)
                return set(refused)
        except aiosmtplib.SMTPAuthenticationError as error:
            said = "The server does not take name and password; rotate the credential."
            raise ConnectorError(said, code=AUTHENTICATION_FAILED) from error
        except aiosmtplib.SMTPResponseException as error:
            permanent = error.code >= 500
            raise ConnectorError(
                f"The server refused with {error.code}: {error.message[:200]}", code="refused_by_service",
                permanent=permanent,
            ) from error  # fmt: skip
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise ConnectorError("The server refused every recipient.", code="refused_by_service") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise ConnectorError(
                f"{config.host} broke off: {type(error).__name__}.", code="unreachable", permanent=False
            ) from error


def _attach(message: EmailMessage, file: File) -> None:
    """Mail within mail must not be encoded (RFC 2046, 5.2.1), so it travels as bytes of no known type."""
    kind, _, subtype = file.media_type.partition(";")[0].strip().partition("/")
    if not subtype or kind in ("message", "multipart"):
        kind, subtype = "application", "octet-stream"
    message.add_attachment(file.content, maintype=kind, subtype=subtype, filename=file.filename)
