"""Mail that is read, over IMAP, with imap-tools in a thread, on a connection that the guard has opened."""

import asyncio
import imaplib
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from imap_tools import AND, BaseMailBox, MailboxLoginError, MailMessage, U
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError
from pydantic import Field, SecretStr

from gateway.adapters.connectors.base import (
    Answer,
    Arguments,
    Connector,
    ConnectorSecret,
    File,
    Found,
    Host,
    Polled,
    PollingConfig,
    operation,
)
from gateway.adapters.connectors.failure import AUTHENTICATION_FAILED, ConnectorError, of_the_way_out
from gateway.adapters.connectors.mailbox import MAIL_BYTES, TIMEOUT_S, Box, readable
from gateway.core.outbound.exchange import OutboundError
from gateway.core.schemas import Shape

Uid = Annotated[str, Shape("^[0-9]{1,10}$", "the number of a message, such as 4711")]
TEXT = 100_000
FILE_BYTES = 20 * 2**20
EACH_TIME = 50
IDLE_S = 25 * 60
"""After this IDLE is begun anew: a server may sign off whoever says nothing for 30 minutes (RFC 2177)."""

R = TypeVar("R")


class ImapConfig(PollingConfig):
    """Which server, and which folder to watch."""

    host: Host = Field(title="Server")
    port: int = Field(993, title="Port", ge=1, le=65_535)
    security: Literal["tls", "none"] = Field(
        "tls", title="Encryption", description="with none the password goes in the clear"
    )
    folder: str = Field("INBOX", title="Watched folder", min_length=1, max_length=255)
    idle: bool = Field(
        False, title="Hear at once",
        description="keeps a connection open, over which the server tells of new mail by itself (IDLE, RFC 2177)",
    )  # fmt: skip


class ImapSecret(ConnectorSecret):
    """Name and password of the mailbox."""

    username: str = Field(title="User name", min_length=1, max_length=300)
    password: SecretStr = Field(title="Password", min_length=1, max_length=4000)


class AllFolders(Arguments):
    """Takes nothing."""


class Folders(Answer):
    """The mailbox's folders."""

    folders: list[str]


class Search(Arguments):
    """Which mail; all that is given has to fit."""

    folder: str = Field("INBOX", title="Folder", min_length=1, max_length=255)
    text: str | None = Field(None, title="Holds the words", max_length=200)
    sender: str | None = Field(None, title="From", max_length=200)
    subject: str | None = Field(None, title="Subject", max_length=200)
    since: date | None = Field(None, title="Since")
    unread: bool | None = Field(None, title="Unread")
    limit: int = Field(20, title="At most", ge=1, le=100)


class Envelope(Answer):
    """What stands on a mail."""

    uid: str
    subject: str
    sender: str
    to: list[str]
    time: str
    unread: bool
    size: int


class Envelopes(Answer):
    """Mail, the newest first."""

    mails: list[Envelope]


class OneMail(Arguments):
    """A mail by its uid."""

    folder: str = Field("INBOX", title="Folder", min_length=1, max_length=255)
    uid: Uid = Field(title="uid")


class Attachment(Answer):
    """A file of a mail."""

    filename: str
    media_type: str
    size: int


class WholeMail(Answer):
    """A mail; of HTML the text is what stands there, tags and all."""

    envelope: Envelope
    message_id: str
    text: str
    html: str
    attachments: list[Attachment]


class Attachments(Answer):
    """The files of a mail, which have become artifacts."""

    attachments: list[Attachment]


class Imap(Connector[ImapConfig]):
    """A mailbox. Reading marks nothing as read."""

    kind, title = "imap", "Mailbox (IMAP)"
    summary = "Search and read mail, take attachments, and hear of new mail."
    Config, Secret = ImapConfig, ImapSecret
    secret_goes_to = ("host", "port", "security")
    happening = "mail_received"

    @operation("read", "List folders")
    async def list_folders(self, arguments: AllFolders) -> Folders:
        """List the folders of the mailbox."""
        return Folders(folders=await self._with(None, lambda box: [folder.name for folder in box.folder.list()]))

    @operation("read", "Search mail")
    async def search_mail(self, arguments: Search) -> Envelopes:
        """Find mail by words, sender, subject, date, and whether it was read."""
        wanted: dict[str, Any] = {
            "text": arguments.text, "from_": arguments.sender, "subject": arguments.subject,
            "date_gte": arguments.since, "seen": None if arguments.unread is None else not arguments.unread,
        }  # fmt: skip
        given = {name: value for name, value in wanted.items() if value is not None}
        criteria = AND(**given) if given else AND(all=True)

        def search(box: BaseMailBox) -> list[Envelope]:
            found = box.fetch(criteria, charset="UTF-8", limit=arguments.limit, mark_seen=False, reverse=True,
                              headers_only=True, bulk=True)  # fmt: skip
            return [_envelope(mail) for mail in found]

        return Envelopes(mails=await self._with(arguments.folder, search))

    @operation("read", "Read a mail")
    async def read_mail(self, arguments: OneMail) -> WholeMail:
        """Read a mail, and see which files are attached."""
        mail = await self._mail(arguments)
        ids = dict(mail.headers).get("message-id", ("",))
        return WholeMail(
            envelope=_envelope(mail), message_id=ids[0].strip(), text=mail.text[:TEXT], html=mail.html[:TEXT],
            attachments=_attachments(mail),
        )  # fmt: skip

    @operation("read", "Take attachments")
    async def fetch_attachments(self, arguments: OneMail) -> Attachments:
        """Make the files that are attached to a mail artifacts."""
        mail = await self._mail(arguments)
        if sum(len(each.payload) for each in mail.attachments) > FILE_BYTES:
            raise ConnectorError("The files of this mail have more than 20 MiB.", code="answer_too_large")
        self.files += [File(each.filename, each.content_type, each.payload) for each in mail.attachments]
        return Attachments(attachments=_attachments(mail))

    async def test(self) -> Found:
        """Signs in and opens the watched folder."""
        await self._with(self.config.folder, self._check_idle if self.config.idle else lambda box: None)
        return Found(f"Signed in to {self.config.host} as {self.secret.username}.")

    async def poll(self, position: dict[str, Any]) -> Polled:
        """Mail that came into the watched folder; the first look only takes note of where it is."""
        folder = self.config.folder

        def look(box: BaseMailBox) -> Polled:
            status = box.folder.status(folder, ["UIDVALIDITY", "UIDNEXT"])
            reached = {"validity": status["UIDVALIDITY"], "next": status["UIDNEXT"]}
            if position.get("validity") != reached["validity"] or position["next"] >= reached["next"]:
                return Polled(reached)
            found = box.fetch(AND(uid=U(str(position["next"]), "*")), limit=EACH_TIME, mark_seen=False,
                              headers_only=True, bulk=True)  # fmt: skip
            # What has come since the status was told is for the next look, which begins where this one ends.
            mails = [_envelope(mail) for mail in found if position["next"] <= int(mail.uid or 0) < reached["next"]]
            if len(mails) == EACH_TIME:
                reached["next"] = int(mails[-1].uid) + 1
            return Polled(reached, tuple({"folder": folder, **mail.model_dump()} for mail in mails))

        return await self._with(folder, look)

    async def listen(self) -> AsyncGenerator[None, None]:
        """Says so whenever the server tells of new mail, for as long as the connection holds."""
        box: Box | None = None
        try:
            async with self._connected() as connection:
                box = await asyncio.to_thread(self._guarded, lambda: self._opened(connection, self.config.folder))
                await asyncio.to_thread(self._guarded, partial(self._check_idle, box))
                await asyncio.to_thread(self._guarded, box.idle.start)
                yield
                while True:
                    if await self._has_news(box):
                        yield
        finally:
            if box is not None:
                box.drop()

    async def _has_news(self, box: Box) -> bool:
        """Waits for what the server says next, and whether that may be new mail."""
        idle: Any = box.idle

        def begin_anew() -> None:
            idle.stop()
            idle.start()

        if not await readable(box.client.sock, IDLE_S):
            await asyncio.to_thread(self._guarded, begin_anew)
            return True  # between the two the server may have told what nobody read
        lines: list[bytes] = await asyncio.to_thread(self._guarded, lambda: idle.poll(0))
        if not lines and not box.client.begun:
            raise ConnectorError(f"{self.config.host} broke off.", code="unreachable", permanent=False)
        return any(line.endswith(b" EXISTS") for line in lines)

    def _check_idle(self, box: BaseMailBox) -> None:
        _, told = box.client.capability()
        if b"IDLE" not in told[0].upper().split():
            raise ConnectorError(f"{self.config.host} has no IDLE; turn that off, and set how often to look.",
                                 code="refused_by_service")  # fmt: skip

    async def _mail(self, wish: OneMail) -> MailMessage:
        def fetch(box: BaseMailBox) -> MailMessage | None:
            head = next(box.fetch(AND(uid=wish.uid), mark_seen=False, headers_only=True), None)
            if head is None:
                return None
            if head.size_rfc822 > MAIL_BYTES:
                raise ConnectorError(f"The mail has more than {MAIL_BYTES // 2**20} MiB.", code="answer_too_large")
            return next(box.fetch(AND(uid=wish.uid), mark_seen=False), None)

        mail = await self._with(wish.folder, fetch)
        if mail is None:
            raise ConnectorError("There is no such mail in that folder.", code="not_found_at_service")
        return mail

    async def _with(self, folder: str | None, act: Callable[[BaseMailBox], R]) -> R:
        """Runs `act` on the signed-in mailbox, in a thread. Raises ConnectorError."""

        def talk() -> R:
            box = self._opened(connection, folder)
            try:
                return act(box)
            finally:
                box.leave()

        async with self._connected() as connection:
            return await asyncio.to_thread(self._guarded, talk)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[socket.socket]:
        """A connection to the server. At the end it is broken off, which wakes whoever still waits in a thread."""
        config = self.config
        try:
            connection = await self.egress.connect(config.host, config.port, TIMEOUT_S)
        except OutboundError as error:
            raise of_the_way_out(error) from error
        connection.settimeout(TIMEOUT_S)
        with connection, connection.dup() as line:  # TLS makes a socket of its own of the first
            try:
                yield connection
            finally:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)

    def _opened(self, connection: socket.socket, folder: str | None) -> Box:
        """The mailbox, signed in, with the folder open where one is named."""
        box = Box(connection, self.egress.tls if self.config.security == "tls" else None, self.config.host)
        try:
            box.login(self.secret.username, self.secret.password.get_secret_value(), initial_folder=None)
            if folder is not None:
                box.folder.set(folder, readonly=True)
        except BaseException:
            box.leave()
            raise
        return box

    def _guarded(self, act: Callable[[], R]) -> R:
        """Runs `act`. Raises ConnectorError for what goes wrong with the server."""
        try:
            return act()
        except MailboxLoginError as error:
            said = "The server does not take name and password; rotate the credential."
            raise ConnectorError(said, code=AUTHENTICATION_FAILED) from error
        except MailboxFolderSelectError as error:
            raise ConnectorError("There is no such folder.", code="not_found_at_service") from error
        except (ImapToolsError, imaplib.IMAP4.error, OSError) as error:
            said = f"{self.config.host} broke off or refused: {type(error).__name__}."
            raise ConnectorError(said, code="refused_by_service", permanent=False) from error


def _envelope(mail: MailMessage) -> Envelope:
    return Envelope(
        uid=mail.uid or "", subject=mail.subject[:500], sender=mail.from_[:300],
        to=[each[:300] for each in mail.to[:50]], time=mail.date.isoformat(),
        unread="\\Seen" not in mail.flags, size=mail.size_rfc822 or 0,
    )  # fmt: skip


def _attachments(mail: MailMessage) -> list[Attachment]:
    return [
        Attachment(filename=each.filename[:255], media_type=each.content_type, size=len(each.payload))
        for each in mail.attachments
    ]
