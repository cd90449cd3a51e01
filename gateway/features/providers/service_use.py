"""Providers as nodes use and try them: their settings, the key at the moment of use, what a test found."""

import time
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.errors import NotFound
from gateway.core.policy import Resource
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.credentials import service as credentials
from gateway.features.credentials.service import Stamp
from gateway.features.nodes import service as nodes

from . import queries
from .models import Provider
from .schemas import ProviderTest

PATIENCE_S = 15.0
"""How long a test waits for the node that does it."""

_LOOK_EVERY_S = 0.1
_PROVIDERS = Base.metadata.tables[Provider.__tablename__]


@dataclass(frozen=True)
class Configured:
    """A provider's settings as plain values. Two that are equal can share what was opened for one of them."""

    id: uuid.UUID
    name: str
    kind: str
    base_url: str | None
    models: tuple[str, ...] | None
    enabled: bool
    credential_id: uuid.UUID | None
    key: Stamp | None


def configured(work: Work) -> dict[str, Configured]:
    """All providers by name; for nodes, which ask every few seconds and leave no record of that."""
    rows = queries.everything(work.session)
    stamps = credentials.stamps(work, {row.credential_id for row in rows if row.credential_id is not None})
    return {row.name: _plain(row, stamps) for row in rows}


def _plain(row: Provider, stamps: dict[uuid.UUID, Stamp]) -> Configured:
    return Configured(
        row.id, row.name, row.kind, row.base_url, tuple(row.models) if row.models is not None else None,
        row.enabled, row.credential_id, stamps.get(row.credential_id) if row.credential_id else None,
    )  # fmt: skip


def key_of(work: Work, keys: KeyStore, provider: Configured) -> str | None:
    """The provider's key, opened for one use; None for one that needs none. Raises the errors of `credentials.use`."""
    if provider.credential_id is None:
        return None
    return credentials.use(work, keys, provider.credential_id, f"the provider {provider.name}")


def begin_test(work: Work, provider_id: uuid.UUID) -> str | None:
    """Asks a node to try a provider, and returns the test's id; None where no node is online. Raises NotFound."""
    work.allow("providers.test", Resource("providers", provider_id))
    if queries.one(work.session, work.actor, provider_id) is None:
        raise NotFound("There is no such provider.")
    if not nodes.online(work):
        return None
    test_id = str(new_id())
    work.defer("providers.test", {"provider_id": str(provider_id), "test_id": test_id}, priority=100)
    return test_id


def wait_for_test(work: Work, provider_id: uuid.UUID, test_id: str | None) -> ProviderTest:
    """What the test found, once the node is through with it."""
    if test_id is None:
        return failed("No node is online.", "Start one with `app.py node`, or the gateway without --no-node.")
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = queries.last_test(work.session, provider_id)
        if found is not None and found.get("test_id") == test_id:
            return ProviderTest.model_validate(found)
        time.sleep(_LOOK_EVERY_S)
    return failed("No node has done the test in time.", "Try again; when nodes are busy, it waits its turn.")


def keep_test(work: Work, provider_id: uuid.UUID, test_id: str, found: ProviderTest) -> None:
    """Stores what a test found. It is no change of the provider: version and time of change stay."""
    stored: dict[str, Any] = {"test_id": test_id, **found.model_dump(mode="json")}
    keep = update(_PROVIDERS).where(_PROVIDERS.c.id == provider_id)
    work.session.execute(keep.values(last_test=stored, updated_at=_PROVIDERS.c.updated_at))


def failed(reason: str, remedy: str | None) -> ProviderTest:
    """A test that did not end well."""
    return ProviderTest(ok=False, reason=reason, remedy=remedy, latency_ms=None, models=[], tested_at=now())
