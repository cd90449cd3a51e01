"""What a node does for providers: it tries one when asked, and notices when they change."""

import uuid
from typing import TYPE_CHECKING

from gateway.adapters.providers.base import ProviderError

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
    await node.models.follow()


HANDLERS = {"providers.test": test, "providers.prepare": prepare}
DUTIES = {follow: 2.0}
