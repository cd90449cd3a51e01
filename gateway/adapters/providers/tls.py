"""One TLS setting for all providers. Knows no HTTP client: the gateway loads one only when it first needs it."""

import ipaddress
import ssl
from functools import cache
from urllib.parse import urlsplit

import truststore


@cache
def tls_context() -> ssl.SSLContext:
    """The system's certificate store (or `SSL_CERT_FILE`), shared because loading it costs 20 ms."""
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def is_loopback(url: str) -> bool:
    """Whether the URL names this very machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
