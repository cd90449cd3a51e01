"""How an operation of a connector fails: with a sentence, a code, and whether trying again can help."""

from gateway.core.outbound.exchange import OutboundError

AUTHENTICATION_FAILED = "authentication_failed"
"""The code of an error that another try with the same credential cannot mend."""


class ConnectorError(Exception):
    """An operation that could not be done: one sentence that says why and, where known, what to do.

    `code` is a stable snake_case word; `permanent` errors come back however often it is tried. No secret is in it.
    """

    def __init__(self, message: str, *, code: str, permanent: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.permanent = permanent


def of_the_way_out(error: OutboundError) -> ConnectorError:
    """As which what the guard refused, or could not reach, is told; for a private host, what would let it pass."""
    hint = (
        " If you mean it, list its host under Private hosts (allowed_hosts)."
        if error.code == "forbidden_address"
        else ""
    )
    return ConnectorError(f"{error}{hint}", code=error.code, permanent=error.permanent)
