"""What a node does for providers: it tries one when asked, and notices when they change."""

import uuid
from typing import TYPE_CHECKING

from gateway.adapters.providers.base import ProviderError
from gateway.core.unit_of_work import Work
from gateway.features.nodes import service_presence as presence

from . import service_upstream, service_use
from .schemas import ProviderTest

if TYPE_CHECKING:
    from gateway.node.node import Node


async def test(node: "Node", provider_id: str, test_id: str) -> None:
    """Tries a provider as a task would use it."""
    wanted = uuid.UUID(provider_id)
    known = await node.unit(service_use.configured)
    provider = next((provider for provider in known.values() if provider.id == wanted), None)
    if provider is None:
        return
    found: ProviderTest = await node.models.test(provider)
    await node.unit(lambda work: service_use.keep_test(work, wanted, test_id, found))


async def prepare(node: "Node", model: str) -> None:
    """Loads a local model, fetching it first where need be, and tells what came of it."""
    failure = None
    try:
        await node.models.prepare(model)
    except ProviderError as error:
        failure = str(error)
    await node.unit(lambda work: service_upstream.tell_prepared(work, model, failure))


async def follow(node: "Node") -> None:
    """Renews the list of models within seconds of a change."""
    if await node.models.follow():
        await _tell(node)


async def look(node: "Node") -> None:
    """Renews the list of models where their servers came, went or changed by themselves."""
    if await node.models.refresh():
        await _tell(node)


async def _tell(node: "Node") -> None:
    await node.report(lambda work, found: presence.refreshed(work, node.id, found))


def prepare_given_up(work: Work, model: str) -> None:
    """Tells whoever waits for a model that it does not come."""
    service_upstream.tell_prepared(work, model, "Each node that loaded it was lost; it may need more memory.")


def test_given_up(work: Work, provider_id: str, test_id: str) -> None:
    """Tells whoever waits for a test that there is none."""
    found = service_use.failed("Each node that tried it was lost.", "Look at the nodes' logs, and try again.")
    service_use.keep_test(work, uuid.UUID(provider_id), test_id, found)


HANDLERS = {"providers.test": test, "providers.prepare": prepare}
GIVEN_UP = {"providers.test": test_given_up, "providers.prepare": prepare_given_up}
DUTIES = {follow: 2.0, look: 60.0}
