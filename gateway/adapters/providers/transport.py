"""How providers reach the network: proxies by environment, failures as ProviderError."""

import ssl

import httpx

from gateway.adapters.providers.base import ProviderError
from gateway.adapters.providers.tls import is_loopback, tls_context


def http_client(url: str, *, connect_s: float, follow_redirects: bool = False) -> httpx.AsyncClient:
    """A client for `url`. Only connecting is timed here; the caller times what comes after.

    A proxy from the environment is never asked for this machine's own addresses. Redirects are off unless
    asked for, so that a key cannot be led elsewhere.
    """
    return httpx.AsyncClient(
        verify=tls_context(),
        trust_env=not is_loopback(url),
        follow_redirects=follow_redirects,
        timeout=httpx.Timeout(None, connect=connect_s, write=60),
    )


def transport_error(error: httpx.TransportError, place: str) -> ProviderError:
    """Say in one sentence why `place` could not be reached or stopped answering."""
    if isinstance(error, httpx.TimeoutException):
        return ProviderError(
            f"{place} did not accept the connection in time; check that it is running.",
            code="timeout",
            permanent=False,
        )
    if _is_certificate_error(error):
        return ProviderError(
            f"The certificate of {place} is not trusted; add its authority to the system's certificates "
            "or name it in SSL_CERT_FILE.",
            code="untrusted_certificate",
            permanent=True,
        )
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return ProviderError(
            f"{place} cannot be reached; check that it is running and that the address is right.",
            code="unreachable",
            permanent=False,
        )
    return ProviderError(
        f"{place} closed the connection before it had finished; try again.",
        code="interrupted",
        permanent=False,
    )


def _is_certificate_error(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
