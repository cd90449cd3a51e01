"""Mail by SMTP, over a connection that the guard has judged."""

from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Annotated, Literal

from pydantic import Field

from gateway.adapters.destinations.base import (
    ATTEMPT_S,
    CONNECT_S,
    AllowedHosts,
    DeliveryError,
    Destination,
    DestinationConfig,
    Message,
    tls_context,
)
from gateway.core.schemas import Shape

Address = Annotated[
    str,
    Field(max_length=254),
    Shape(r"^[^\s@<>,;\x00-\x1f]+@[^\s@<>,;\x00-\x1f]+$", "an address, such as me@example.org"),
]
Host = Annotated[
    str, Field(max_length=253), Shape(r"^[A-Za-z0-9.:_-]+$", "the name of a server, such as smtp.example.org")
]


class EmailConfig(DestinationConfig):
    """The server that takes the mail, and who it is from and for."""

    host: Annotated[Host, Field(title="SMTP server")]
    port: Annotated[int, Field(ge=1, le=65535, title="Port")] = 587
    security: Annotated[
        Literal["starttls", "tls", "none"],
        Field(title="Encryption", description="tls from the first byte (port 465), starttls (587), or none."),
    ] = "starttls"
    username: Annotated[str | None, Field(max_length=254, title="User name")] = None
    sender: Annotated[Address, Field(title="From")]
    recipients: Annotated[list[Address], Field(min_length=1, max_length=20, title="To")]
    allowed_hosts: AllowedHosts = []


class Email(Destination[EmailConfig]):
    """A plain text mail. Its Message-ID is the delivery's, so that repeated attempts can be told."""

    kind = "email"
    title = "Mail"
    Config = EmailConfig
    key_need = "optional"
    key_label = "Password"
    key_goes_to = ("host", "port", "security", "username")
    per_minute = 60

    @classmethod
    def check(cls, config: EmailConfig, secret: str | None) -> None:
        if secret is not None and config.username is None:
            raise ValueError("username: a password needs a user name")
        if secret is not None and config.security == "none" and config.host not in config.allowed_hosts:
            raise ValueError("security: a password is not sent without encryption; choose starttls or tls")

    async def send(self, message: Message) -> int | None:
        import aiosmtplib  # only a node that sends mail pays for it

        from gateway.core.outbound.guarded_http import open_socket

        config = self.config
        connection = await open_socket(
            config.host, config.port, allowed_hosts=config.allowed_hosts, connect_s=CONNECT_S
        )
        smtp = aiosmtplib.SMTP(
            hostname=config.host, sock=connection, use_tls=config.security == "tls", start_tls=False,
            tls_context=tls_context(), timeout=ATTEMPT_S, local_hostname="localhost",
        )  # fmt: skip
        try:
            await smtp.connect()
            if config.security == "starttls":
                await smtp.starttls(server_hostname=config.host)
            if self.secrets and config.username is not None:
                await smtp.login(config.username, self.secrets[0])
            refused, _ = await smtp.send_message(self._mail(message))
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [each.code for each in error.recipients]
            raise _refused(min(codes), "a recipient") from error  # as long as one may pass, it is tried again
        except aiosmtplib.SMTPAuthenticationError as error:
            raise _refused(error.code, "the user name or password") from error
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error.code, "the mail") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise DeliveryError(
                f"{config.host} broke off: {type(error).__name__}.", code="unreachable", permanent=False
            ) from error
        finally:
            smtp.close()
        if refused:
            raise _refused_in_part(refused)
        return 250

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = " ".join(message.title.split())
        mail["From"], mail["To"] = self.config.sender, ", ".join(self.config.recipients)
        mail["Date"], mail["Message-ID"] = format_datetime(message.time), f"<{message.id}@user-api-gateway.invalid>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail


def _refused(code: int, what: str) -> DeliveryError:
    """5xx is for good, 4xx may pass (RFC 5321, 4.2.1)."""
    return DeliveryError(
        f"The mail server refused {what} ({code}).", code="refused", permanent=500 <= code < 600, status=code
    )


def _refused_in_part(refused: Mapping[str, tuple[int, str]]) -> DeliveryError:
    """Some have the mail. No attempt is made for the others alone, whatever their code: it is told who they are."""
    named = ", ".join(f"{address} ({code})" for address, (code, _) in sorted(refused.items()))
    status = max(code for code, _ in refused.values())
    return DeliveryError(
        f"The mail server took it for some and refused {named}.", code="refused_in_part", permanent=True,
        status=status, in_part=True,
    )  # fmt: skip
