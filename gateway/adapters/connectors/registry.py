"""The kinds of connectors there are, and how one is made from plain values."""

import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway.core.findings import findings
from gateway.core.outbound.exchange import Check

from .base import Connector, ConnectorConfig, ConnectorSecret
from .egress import Egress
from .failure import ConnectorError
from .kinds.calendar import Calendar
from .kinds.discord import Discord
from .kinds.feed import Feed
from .kinds.github import GitHub
from .kinds.http import Http
from .kinds.imap import Imap
from .kinds.matrix import Matrix
from .kinds.mattermost import Mattermost
from .kinds.mcp import Mcp
from .kinds.slack import Slack
from .kinds.smtp import Smtp


class Unfit(ConnectorError):
    """Settings or a secret that do not fit their kind: pairs of a dotted field and what is wrong with it."""

    def __init__(self, problems: Sequence[tuple[str, str]], *, code: str) -> None:
        super().__init__("; ".join(f"{field}: {words}" for field, words in problems), code=code)
        self.problems = problems


KINDS: dict[str, type[Connector[Any]]] = {
    "imap": Imap,
    "smtp": Smtp,
    "slack": Slack,
    "discord": Discord,
    "mattermost": Mattermost,
    "matrix": Matrix,
    "github": GitHub,
    "calendar": Calendar,
    "feed": Feed,
    "http": Http,
    "mcp": Mcp,
}


def checked_config(kind: str, given: Mapping[str, Any]) -> ConnectorConfig:
    """The settings of a kind. Raises Unfit, and ConnectorError for a kind there is not."""
    made = _checked(kind_of(kind).Config, given, "config")
    assert isinstance(made, ConnectorConfig)
    return made


def checked_secret(kind: str, given: Mapping[str, Any] | None) -> ConnectorSecret | None:
    """What a kind signs in with. Raises Unfit, which holds nothing of what was given."""
    schema = kind_of(kind).Secret
    if given is None:
        return None
    if schema is None:
        raise Unfit([("secret", "this type takes no credential")], code="invalid_secret")
    made = _checked(schema, given, "secret")
    assert isinstance(made, ConnectorSecret)
    return made


def kind_of(kind: str) -> type[Connector[Any]]:
    """The class of a kind. Raises ConnectorError."""
    if kind not in KINDS:
        raise ConnectorError(f"There is no type {kind!r}; choose one of {', '.join(KINDS)}.", code="unknown_type")
    return KINDS[kind]


def create(
    kind: str, config: Mapping[str, Any], secret: str | None, *, tls: ssl.SSLContext | None = None,
    check: Check | None = None,
) -> Connector[Any]:  # fmt: skip
    """A connector for one call; `secret` is the opened credential, as JSON. `check` may forbid hosts.

    Raises ConnectorError.
    """
    settings = checked_config(kind, config)
    opened = checked_secret(kind, json.loads(secret) if secret is not None else None)
    if opened is None and kind_of(kind).needs_secret:
        raise ConnectorError("It has no credential in force; add one.", code="no_credential")
    return kind_of(kind)(settings, opened, Egress(settings.allowed_hosts, tls, check))


def _checked(schema: type[BaseModel], given: Mapping[str, Any], where: str) -> BaseModel:
    try:
        return schema.model_validate(given)
    except ValidationError as error:
        raise Unfit(findings(error, where), code=f"invalid_{where}") from None
