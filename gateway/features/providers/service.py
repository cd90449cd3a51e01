"""Rules of providers, and of models: what the online nodes can reach, plus the agent."""

import uuid
from typing import Any

from sqlalchemy import Select

from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.policy import Resource, can
from gateway.core.references import counted
from gateway.core.unit_of_work import Work
from gateway.features.credentials import service as credentials
from gateway.features.limits import service as limits
from gateway.features.settings import service as settings

from . import queries
from .models import Provider
from .schemas import ModelList, ModelOut, ProviderIn, ProviderPatch, ProviderQuery
from .service_upstream import Upstreams, unknown


def models(work: Work, upstreams: Upstreams) -> ModelList:
    """Every model that some online node can reach and the caller may see and use, the agent first."""
    work.allow("models.read", Resource("models", listed=True))
    return ModelList(data=[found for found in upstreams.models(work) if _is_usable(work, found.id)])


def model(work: Work, upstreams: Upstreams, model_id: str) -> ModelOut:
    """One model. Raises NotFound naming it."""
    for found in models(work, upstreams).data:
        if found.id == model_id:
            return found
    raise unknown(model_id)


def _is_usable(work: Work, model_id: str) -> bool:
    return all(
        can(work.actor, action, Resource("models", model_id)).allowed for action in ("models.read", "models.use")
    )


def create(work: Work, wish: ProviderIn) -> Provider:
    """Adds a model server. Raises Conflict for a taken name, Invalid for what does not fit together."""
    work.allow("providers.create", Resource("providers"))
    _check_name(work, wish.name)
    provider = Provider(**wish.model_dump())
    _check_fit(provider)
    _check_credential(work, provider.credential_id)
    work.session.add(provider)
    work.session.flush()
    _tell(work, "provider.created", provider)
    return provider


def visible(work: Work, query: ProviderQuery) -> Select[Provider]:
    """All providers the caller may see, to be paged."""
    work.allow("providers.read", Resource("providers"))
    return queries.filtered(work.actor, query)


def get(work: Work, provider_id: uuid.UUID) -> Provider:
    """One provider. Raises NotFound."""
    return _find(work, "providers.read", provider_id)


def for_change(work: Work, provider_id: uuid.UUID) -> Provider:
    """One provider, locked, to be changed. Raises NotFound."""
    return _find(work, "providers.update", provider_id, lock=True)


def change(work: Work, provider: Provider, patch: ProviderPatch) -> Provider:
    """Changes a provider, as `for_change` gave it; where its key would go elsewhere, the caller must be allowed to use
    that credential. Raises Conflict for a taken name and for a new one where something refers to the old, Invalid for
    what does not fit together.
    """
    given: dict[str, Any] = {name: getattr(patch, name) for name in patch.model_fields_set}
    for name in ("name", "enabled"):
        if name in given and given[name] is None:
            raise Invalid.field(name, "this cannot be taken away; leave it out or give a value")
    if given.get("name", provider.name) != provider.name:
        _check_name(work, given["name"])
        _check_unused(work, provider)
    for name, value in given.items():
        setattr(provider, name, value)
    _check_fit(provider)
    if {"base_url", "credential_id"} & set(given):
        _check_credential(work, provider.credential_id)
    work.session.flush()
    _tell(work, "provider.updated", provider)
    return provider


def remove(work: Work, provider_id: uuid.UUID) -> None:
    """Removes a provider; its models cannot be named any more. Raises NotFound, Conflict naming what refers to it."""
    provider = _find(work, "providers.delete", provider_id, lock=True)
    _check_unused(work, provider)
    work.session.delete(provider)
    work.session.flush()
    _tell(work, "provider.deleted", provider)


def _find(work: Work, action: str, provider_id: uuid.UUID, *, lock: bool = False) -> Provider:
    provider = queries.one(work.session, work.actor, provider_id, lock=lock)
    work.allow(action, Resource("providers", provider_id))
    if provider is None:
        raise NotFound("There is no such provider.")
    return provider


def _check_name(work: Work, name: str) -> None:
    if queries.by_name(work.session, name) is not None:
        raise Conflict(f"There is a provider {name} already; choose another name, or change that one.")


def _check_unused(work: Work, provider: Provider) -> None:
    """Settings and spend limits know a provider by name: without it they would mean nothing, or another one."""
    found = [f"the setting {key}" for key in settings.naming_provider(work, provider.name)]
    if count := limits.count_of_provider(work, provider.name):
        found.append(counted("spend_limits", count))
    if found:
        raise Conflict(f"{provider.name} is in use by {' and '.join(found)}; change that first.", code="in_use")


def _check_fit(provider: Provider) -> None:
    if provider.kind == "openai_compatible" and provider.base_url is None:
        raise Invalid.field("base_url", "give the address before /chat/completions; it usually ends in /v1")
    if provider.kind == "local":
        for name in ("base_url", "credential_id"):
            if getattr(provider, name) is not None:
                raise Invalid.field(name, "the local model runs on this machine and takes none; leave it out")


def _check_credential(work: Work, credential_id: uuid.UUID | None) -> None:
    if credential_id is None:
        return
    try:
        credentials.check_use(work, credential_id)
    except NotFound as error:
        raise Invalid.field("credential_id", "there is no such credential, or it is not yours") from error


def _tell(work: Work, name: str, provider: Provider) -> None:
    work.emit(name, data={"provider_id": str(provider.id), "name": provider.name, "kind": provider.kind})
