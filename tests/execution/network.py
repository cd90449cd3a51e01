"""Machines of their own on this one: network namespaces, joined by a router that cuts, delays and loses.

It needs root on Linux, with /dev/net/tun. Each machine has one address and one link, a TUN device whose packets pass
through a thread of the test: no kernel module is asked for, and what a link does changes from one packet to the next.
"""

import fcntl
import heapq
import itertools
import os
import random
import selectors
import struct
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

HOST = "10.77.0.1"
"""This machine's address among them."""

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000
"""Packets as they are (linux/if_tun.h)."""

MTU = 1500
IDLE_S = 0.05


@dataclass
class Link:
    """What joins one machine to this one; both directions fare alike. `passed` and `dropped` count packets."""

    name: str
    address: str
    is_cut: bool = False
    delay_s: float = 0.0
    loss: float = 0.0
    passed: int = 0
    dropped: int = 0

    def restore(self) -> None:
        """The link is as it was at first."""
        self.is_cut, self.delay_s, self.loss = False, 0.0, 0.0

    @property
    def within(self) -> Sequence[str]:
        """What a command begins with that is to run on that machine."""
        return ("nsenter", f"--net=/run/netns/{self.name}")


class Network:
    """This machine and those named, as long as the context is open."""

    def __init__(self, names: Sequence[str]) -> None:
        self.links = [Link(name, f"10.77.0.{number}") for number, name in enumerate(names, 2)]
        self._over = threading.Event()
        self._chance = random.Random(77)
        self._ends: dict[int, Link | None] = {}
        """The devices by their file; that of this machine has no link."""

    def __enter__(self) -> "Network":
        try:
            self._device("uag1", None)
            _ip("addr", "add", f"{HOST}/24", "dev", "uag1")
            _ip("link", "set", "uag1", "mtu", str(MTU), "up")
            for number, link in enumerate(self.links, 2):
                device = f"uag{number}"
                _ip("netns", "add", link.name)
                self._device(device, link)
                _ip("link", "set", device, "netns", link.name)
                _ip("-n", link.name, "addr", "add", f"{link.address}/24", "dev", device)
                _ip("-n", link.name, "link", "set", device, "mtu", str(MTU), "up")
                _ip("-n", link.name, "link", "set", "lo", "up")
        except BaseException:
            self._remove()
            raise
        self._router = threading.Thread(target=self._route, daemon=True)
        self._router.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._router.join()
        self._remove()

    def _device(self, name: str, link: Link | None) -> None:
        file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        self._ends[file] = link
        fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN_NO_PI))

    def _remove(self) -> None:
        for file in self._ends:
            os.close(file)
        for link in self.links:
            subprocess.run(["ip", "netns", "del", link.name], capture_output=True, check=False)

    def _route(self) -> None:
        """Carries packets, each at its time, until the context ends."""
        ends = {(link.address if link else HOST): file for file, link in self._ends.items()}
        files = {bytes(map(int, address.split("."))): file for address, file in ends.items()}
        late: list[tuple[float, int, int, bytes]] = []
        numbers = itertools.count()
        with selectors.DefaultSelector() as selector:
            for file in self._ends:
                selector.register(file, selectors.EVENT_READ)
            while not self._over.is_set():
                patience = min(IDLE_S, max(0.0, late[0][0] - time.monotonic())) if late else IDLE_S
                for key, _ in selector.select(patience):
                    for packet in _packets(key.fd):
                        target = files.get(packet[16:20])
                        link = self._ends[key.fd] or (target and self._ends[target])
                        if target is None or not link or link.is_cut or self._chance.random() < link.loss:
                            if link:
                                link.dropped += 1
                            continue
                        link.passed += 1
                        heapq.heappush(late, (time.monotonic() + link.delay_s, next(numbers), target, packet))
                while late and late[0][0] <= time.monotonic():
                    _, _, target, packet = heapq.heappop(late)
                    with suppress(OSError):  # a full queue drops, as routers do
                        os.write(target, packet)


def _packets(file: int, most: int = 64) -> list[bytes]:
    """What a device has sent, as far as it is IPv4."""
    found = []
    with suppress(BlockingIOError):
        for _ in range(most):
            packet = os.read(file, MTU + 64)
            if packet[0] >> 4 == 4:
                found.append(packet)
    return found


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
