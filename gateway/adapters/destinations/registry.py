"""The kinds of destinations there are, and how one is made from plain values."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from gateway.adapters.destinations.base import DeliveryError, Destination, DestinationConfig
from gateway.adapters.destinations.kinds.apprise import Apprise
from gateway.adapters.destinations.kinds.desktop import Desktop
from gateway.adapters.destinations.kinds.discord import Discord
from gateway.adapters.destinations.kinds.email import Email
from gateway.adapters.destinations.kinds.matrix import Matrix
from gateway.adapters.destinations.kinds.mattermost import Mattermost
from gateway.adapters.destinations.kinds.ntfy import Ntfy
from gateway.adapters.destinations.kinds.slack import Slack
from gateway.adapters.destinations.kinds.webhook import Webhook
from gateway.core.findings import findings, first_finding

KINDS: dict[str, type[Destination[Any]]] = {
    "webhook": Webhook,
    "slack": Slack,
    "discord": Discord,
    "matrix": Matrix,
    "mattermost": Mattermost,
    "email": Email,
    "ntfy": Ntfy,
    "desktop": Desktop,
    "apprise": Apprise,
}


class Unfit(Exception):
    """Settings that do not fit their kind: pairs of a dotted field and what is wrong with it."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(problems[0][1])
        self.problems = problems


def checked(kind: str, config: Mapping[str, Any], secret: str | None) -> dict[str, Any]:
    """The settings of a destination as they are stored. `secret` is None where it is not at hand. Raises Unfit."""
    sort = KINDS[kind]
    try:
        settings: DestinationConfig = sort.Config.model_validate(config)
    except ValidationError as error:
        raise Unfit(findings(error, "destination_config")) from None
    try:
        sort.check(settings, secret)
    except ValueError as error:
        field, _, words = str(error).partition(": ")
        raise Unfit([(field if field == "secret" else f"destination_config.{field}", words)]) from None
    return settings.model_dump(mode="json", exclude_unset=True)


def open_destination(kind: str, config: Mapping[str, Any], secrets: Sequence[str]) -> Destination[Any]:
    """A destination, ready to take messages. Raises DeliveryError for settings that do not fit (any more)."""
    sort = KINDS[kind]
    try:
        settings = sort.Config.model_validate(config)
    except ValidationError as error:
        told = f"Its settings do not fit: {first_finding(error)}."
        raise DeliveryError(told, code="invalid_config", permanent=True) from None
    if sort.key_need in ("required", "generated") and not secrets:
        raise DeliveryError("Its secret is missing; give it one.", code="no_secret", permanent=True)
    return sort(settings, secrets)
