"""Which IP addresses are of the public internet: what a user or a model chose may lead nowhere else.

Lists the IANA special-purpose registries (RFC 6890) itself: `ipaddress.is_global` differs between versions of Python.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

OWN_NETWORKS = tuple(
    IPv4Network(block) if "." in block else IPv6Network(block)
    for block in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
        "100.64.0.0/10",  # shared address space (RFC 6598); also what private overlay networks use
        "::1/128", "fc00::/7",
    )
)  # fmt: skip
"""Addresses of this machine and of private networks: nobody gets there unless the host is named as an exception."""

_SPECIAL_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "169.254.0.0/16",  # link-local, the metadata services of clouds among them
        "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IANA gave out for unicast. Outside lie loopback, link-local, multicast, IPv4-mapped and -compatible
addresses and NAT64 (64:ff9b::/96), the last three being ways to write a private IPv4 address."""

_SPECIAL_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # Teredo (2001::/32), ORCHID, benchmarks
        "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20",
        "2002::/16",  # 6to4, which carries an IPv4 address
    )
)  # fmt: skip


def is_public(address: Address) -> bool:
    """Whether the address is one of the public internet's own."""
    if isinstance(address, IPv6Address):
        return address in _GLOBAL_UNICAST and not any(address in block for block in _SPECIAL_V6)
    return not is_own(address) and not any(address in block for block in _SPECIAL_V4)


def is_own(address: Address) -> bool:
    """Whether the address is of this machine or of a private network."""
    return any(address in block for block in OWN_NETWORKS)


def literal(host: str) -> Address | None:
    """The address that `host` is, None for a name.

    Raises ValueError for what a resolver may take for an address though it is not written as one: `0x7f.1`,
    `2130706433`, `0177.0.0.1` (WHATWG URL, "ends in a number"), and for a zone (`fe80::1%eth0`).
    """
    bare = host.strip("[]")
    if "%" in bare:
        raise ValueError("an address with a zone")
    try:
        return ip_address(bare)
    except ValueError:
        last = bare.rstrip(".").rpartition(".")[2].lower()
        if ":" in bare or last.isdigit() or last.startswith("0x") or not last:
            raise ValueError("neither a name nor an address as it is usually written") from None
        return None
