"""What something refers to is not deleted, and the refusal names what refers to it."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.errors import Conflict
from gateway.core.identity import SYSTEM
from gateway.core.unit_of_work import Work
from gateway.features.access import service_groups
from gateway.features.access.models import Group
from gateway.features.access.schemas_groups import GroupIn, MemberIn
from gateway.features.connectors import service as connectors
from gateway.features.connectors.schemas import ConnectorIn
from gateway.features.identity import service as identity
from gateway.features.limits import service as limits
from gateway.features.limits.schemas import SpendLimitIn
from gateway.features.preferences import service as preferences
from gateway.features.preferences.schemas import DeleteQuery, PreferenceIn
from gateway.features.providers import service as providers
from gateway.features.providers.models import Provider
from gateway.features.providers.schemas import ProviderIn, ProviderPatch
from gateway.features.settings import service as settings
from tests.services.conftest import Open


@pytest.fixture
def group(unit: Open) -> Group:
    """A group of its own for each test."""
    with unit(SYSTEM) as work:
        return service_groups.create(work, GroupIn(name=f"g{uuid.uuid4().hex[:8]}"))


@pytest.fixture
def delete_group(unit: Open, group: Group) -> Callable[[], None]:
    def delete() -> None:
        with unit(SYSTEM) as work:
            service_groups.delete(work, service_groups.get(work, group.id, "groups.delete"))

    return delete


def test_a_group_that_a_connector_is_lent_to_stays(unit: Open, group: Group, delete_group: Callable[[], None]) -> None:
    with unit(SYSTEM) as work:
        user = identity.create_user(work, f"u{uuid.uuid4().hex[:10]}")
        service_groups.add_member(work, group.id, MemberIn(user_id=user.id))
        lender = identity.actor_of(work.session, user, "token", user.id, "127.0.0.1")
    with unit(lender) as work:
        wish = ConnectorIn(type="feed", name="lent", config={"url": "http://127.0.0.1:9/"}, group_id=group.id)
        connector_id = connectors.create(work, wish).id
    with pytest.raises(Conflict, match="in use by 1 connector;") as refused:
        delete_group()
    assert refused.value.code == "in_use"
    with unit(lender) as work:
        connectors.remove(work, connector_id)
    delete_group()


def test_a_group_that_preferences_are_set_for_stays(unit: Open, group: Group, delete_group: Callable[[], None]) -> None:
    with unit(SYSTEM) as work:
        for key in ("a.one", "a.two"):
            place, entry = preferences.for_change(work, "write", "group", group.id, key)
            preferences.put(work, place, entry, PreferenceIn(value=1))
    with pytest.raises(Conflict, match="in use by 2 preferences;"):
        delete_group()
    with unit(SYSTEM) as work:
        for key in ("a.one", "a.two"):
            preferences.remove(work, *preferences.for_change(work, "delete", "group", group.id, key), DeleteQuery())
    delete_group()


@pytest.fixture
def provider(unit: Open) -> Provider:
    with unit(SYSTEM) as work:
        return providers.create(work, ProviderIn(name=f"p{uuid.uuid4().hex[:8]}", kind="ollama", enabled=False))


def _rename(work: Work, provider: Provider) -> None:
    providers.change(work, providers.for_change(work, provider.id), ProviderPatch(name=f"{provider.name}-2"))


def refused(unit: Open, provider: Provider, match: str) -> None:
    """Neither deleting nor renaming is done, as both would leave what refers to it with nothing."""
    with pytest.raises(Conflict, match=match), unit(SYSTEM) as work:
        providers.remove(work, provider.id)
    with pytest.raises(Conflict, match=match), unit(SYSTEM) as work:
        _rename(work, provider)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("chat.default_model", "{}/small"),
        ("sessions.summary_model", "{}/small"),
        ("providers.prices", {"{}/*": {"input": 1, "output": 1}}),
    ],
)
def test_a_provider_that_a_setting_names_stays(unit: Open, provider: Provider, key: str, value: Any) -> None:
    named = {each.format(provider.name): price for each, price in value.items()} if isinstance(value, dict) else None
    with unit(SYSTEM) as work:
        settings.put(work, key, settings.for_change(work, key), named or value.format(provider.name), None)
    try:
        refused(unit, provider, f"{provider.name} is in use by the setting {key};")
    finally:
        with unit(SYSTEM) as work:
            settings.reset(work, key, settings.for_change(work, key))
    with unit(SYSTEM) as work:
        providers.remove(work, provider.id)


def test_a_provider_that_a_spend_limit_binds_stays(unit: Open, provider: Provider) -> None:
    wish = SpendLimitIn(subject_type="provider", subject_id=provider.name, window="day", max_requests=1)
    with unit(SYSTEM) as work:
        limit_id = limits.create(work, wish).id
    refused(unit, provider, "in use by 1 spend limit;")
    with unit(SYSTEM) as work:
        limits.remove(work, limit_id)
        providers.remove(work, provider.id)
