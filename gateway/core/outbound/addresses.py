"""Addresses of services outside, as people type them."""

from urllib.parse import urlsplit


def checked_base_url(url: str) -> str:
    """A base URL without its last slash. Raises ValueError for what is no plain http(s) address."""
    if not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("must be an address without spaces, backslashes and control characters")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError as error:
        raise ValueError("must be an address with a host, and with a port that is one") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address that begins with http:// or https://")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must not hold a user name, a password, a query or a fragment; keys are kept apart")
    return url.rstrip("/")
