"""A program: sends one message by apprise and ends. Reads a JSON object, writes `{}` or `{problem, code, permanent}`.

Every connection passes an audit hook of the interpreter (PEP 578), which no library can go around: only judged
addresses are connected to, and no program is started.
"""

import json
import socket
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from gateway.core.outbound.public_internet import is_own, is_public, literal

CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
STARTING = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty"}
)

refused: list[str] = []


class Forbidden(OSError):
    """A connection that may not be made."""


def guard(allowed: frozenset[str]) -> None:
    """From here on this process connects to the public internet and to `allowed` addresses of own networks alone."""

    def judge(event: str, arguments: tuple[Any, ...]) -> None:
        if event in STARTING:
            raise Forbidden("no programs are started here")
        if event in CONNECTING and not _may(arguments[1], allowed):
            refused.append(str(arguments[1]))
            raise Forbidden("not on the public internet")

    sys.addaudithook(judge)


def _may(place: Any, allowed: frozenset[str]) -> bool:
    if not isinstance(place, tuple):
        return place is None  # a datagram over a socket that was connected before
    address = literal(str(place[0]))
    return address is not None and (is_public(address) or (is_own(address) and str(address) in allowed))


def addresses_of(hosts: list[str]) -> frozenset[str]:
    """The addresses of hosts that are excepted."""
    found: set[str] = set()
    for host in hosts:
        try:
            found |= {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        except OSError:
            continue
    return frozenset(found)


def send(wish: dict[str, Any]) -> dict[str, Any]:
    """Sends it; what there is to say about a failure holds nothing of the URL."""
    from apprise import Apprise, AppriseAsset

    sender = Apprise(asset=AppriseAsset(plugin_paths=[], async_mode=False, app_id="User API Gateway"))
    if not sender.add(wish["url"]):
        return {"problem": "Apprise does not know such a URL, or a part is missing.", "code": "invalid_url",
                "permanent": True}  # fmt: skip
    if sender.notify(body=wish["text"], title=wish["title"], notify_type=wish["type"]):
        return {}
    if refused:
        return {"problem": "Its host is private. If you mean it, list it as an allowed one (allowed_hosts).",
                "code": "forbidden_address", "permanent": True}  # fmt: skip
    return {"problem": "The service did not take the message.", "code": "refused", "permanent": False}


if __name__ == "__main__":
    given = json.load(sys.stdin)
    out, sys.stdout = sys.stdout, sys.stderr
    guard(addresses_of(given["allowed_hosts"]))
    json.dump(send(given), out)
