"""Notifications on the desktop of the machine that the node runs on: D-Bus on Linux, AppleScript on macOS."""

import asyncio
import os
import sys
from contextlib import suppress
from html import escape

from gateway.adapters.destinations.base import DeliveryError, Destination, DestinationConfig, Message, shortened

LONGEST = 500
URGENCY = {"info": 0, "warning": 1, "error": 2}
_APPLESCRIPT = 'display notification (system attribute "GATEWAY_TEXT") with title (system attribute "GATEWAY_TITLE")'


class DesktopConfig(DestinationConfig):
    """Nothing can be chosen."""


class Desktop(Destination[DesktopConfig]):
    """A native notification."""

    kind = "desktop"
    title = "This desktop"
    Config = DesktopConfig
    key_need = "none"
    per_minute = 30

    @classmethod
    def unavailable(cls) -> tuple[str, str] | None:
        if sys.platform == "darwin":
            return None
        if sys.platform != "linux":
            return "Desktop notifications are made on Linux and macOS only.", "Take another kind, such as ntfy."
        if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
            return "The node runs outside a desktop session.", "Start the gateway from within your desktop."
        return None

    async def send(self, message: Message) -> int | None:
        if (problem := self.unavailable()) is not None:
            raise DeliveryError(problem[0], code="no_desktop", permanent=True)
        title, text = shortened(message.title, 100), shortened(message.text, LONGEST)
        await (_by_applescript(title, text) if sys.platform == "darwin" else _by_dbus(title, text, message))
        return None


async def _by_applescript(title: str, text: str) -> None:
    """The texts travel in the environment, where no quoting can go wrong."""
    process = await asyncio.create_subprocess_exec(
        "/usr/bin/osascript", "-e", _APPLESCRIPT, env={"GATEWAY_TITLE": title, "GATEWAY_TEXT": text},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        code = await process.wait()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    if code:
        raise DeliveryError("macOS did not show the notification.", code="no_desktop", permanent=False)


async def _by_dbus(title: str, text: str, message: Message) -> None:
    """`Notify` of the Desktop Notifications Specification; the text is marked up, hence escaped."""
    from jeepney import DBusAddress, new_method_call
    from jeepney.io.asyncio import open_dbus_router
    from jeepney.wrappers import DBusErrorResponse, unwrap_msg

    place = DBusAddress(
        "/org/freedesktop/Notifications", bus_name="org.freedesktop.Notifications",
        interface="org.freedesktop.Notifications",
    )  # fmt: skip
    hints = {"urgency": ("y", URGENCY[message.severity])}
    call = new_method_call(
        place, "Notify", "susssasa{sv}i", ("User API Gateway", 0, "", title, escape(text, quote=False), [], hints, -1)
    )
    try:
        async with open_dbus_router() as router:
            unwrap_msg(await router.send_and_get_reply(call))
    except (OSError, EOFError, DBusErrorResponse) as error:
        raise DeliveryError(
            "No program on this desktop shows notifications.", code="no_desktop", permanent=False
        ) from error
