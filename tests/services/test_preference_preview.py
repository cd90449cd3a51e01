"""What a change of a preference would do, told before it is saved, and just as it is when it is saved."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.errors import GatewayError, Invalid
from gateway.core.identity import SYSTEM, Actor
from gateway.features.access import service_groups
from gateway.features.access.schemas_groups import GroupIn, MemberIn
from gateway.features.preferences import service as preferences
from gateway.features.preferences import service_preview
from gateway.features.preferences.schemas import (
    DeleteQuery,
    EffectiveQuery,
    PreferenceIn,
    PreferencePreview,
    PreferencePreviewIn,
)
from tests.services.conftest import Open, Tasks

pytestmark = pytest.mark.usefixtures("clean_preferences")

STYLE = "output.summary_style"
NETWORK = "security.network.allowed"

Put = Callable[..., None]
Preview = Callable[..., PreferencePreview]


@pytest.fixture
def put(unit: Open) -> Put:
    def put(actor: Actor, scope: str, scope_id: Any, key: str, value: Any) -> None:
        with unit(actor) as work:
            place, entry = preferences.for_change(work, "write", scope, scope_id, key)
            preferences.put(work, place, entry, PreferenceIn(value=value))

    return put


@pytest.fixture
def preview(unit: Open) -> Preview:
    def preview(actor: Actor, scope: str, scope_id: Any, key: str, **wish: Any) -> PreferencePreview:
        with unit(actor) as work:
            return service_preview.preview(work, scope, scope_id, key, PreferencePreviewIn(**wish))

    return preview


def test_a_value_that_is_set_replaces_what_counted(put: Put, preview: Preview, mine: Tasks, alice: Actor) -> None:
    put(SYSTEM, "system", "-", STYLE, "detailed")
    task = mine.create()
    found = preview(alice, "task", task.id, STYLE, value="concise")
    assert found.diff == [
        f'- {STYLE} = "detailed" from system scope', f'+ {STYLE} = "concise" from task scope ({task.id})'
    ]  # fmt: skip
    assert (found.task_id, found.user_id, found.applies) == (task.id, alice.user_id, True)
    assert found.before.effective is not None
    assert found.after.effective is not None
    assert (found.before.effective.version, found.after.effective.version) == (1, 1)


def test_a_nearer_scope_goes_on_deciding(put: Put, preview: Preview, alice: Actor) -> None:
    put(alice, "user", "-", STYLE, "bullets")
    found = preview(SYSTEM, "system", "-", STYLE, value="detailed", user_id=alice.user_id)
    assert (found.diff, found.applies) == ([], True)
    assert found.after == found.before


def test_a_null_masks_and_a_deletion_uncovers(put: Put, preview: Preview, alice: Actor) -> None:
    put(SYSTEM, "system", "-", STYLE, "detailed")
    masked = preview(alice, "user", "-", STYLE, value=None)
    assert masked.diff[1] == f"+ {STYLE} = null from user scope ({alice.user_id})"
    put(alice, "user", "-", STYLE, None)
    gone = preview(alice, "user", "-", STYLE, is_deleted=True)
    assert [line[0] for line in gone.diff] == ["-", "+"]
    assert gone.diff[1].endswith('"detailed" from system scope')


def test_what_administrators_forbid_binds_beside_what_counts(put: Put, preview: Preview, alice: Actor) -> None:
    put(SYSTEM, "system", "-", NETWORK, False)
    found = preview(alice, "user", "-", NETWORK, value=True)
    assert f"+ {NETWORK} = true from user scope ({alice.user_id})" in found.diff
    assert f"- {NETWORK} binds: false from system scope" not in found.diff, "it is not lifted"
    assert [(entry.scope_type, entry.value) for entry in found.after.constraints] == [("system", False), ("user", True)]


def test_a_group_bears_on_its_members_alone(preview: Preview, unit: Open, alice: Actor, bob: Actor) -> None:
    with unit(SYSTEM) as work:
        group = service_groups.create(work, GroupIn(name=f"g{uuid.uuid4().hex[:8]}"))
        service_groups.add_member(work, group.id, MemberIn(user_id=alice.user_id))
    for actor, applies in ((alice, True), (bob, False)):
        found = preview(SYSTEM, "group", group.id, STYLE, value="concise", user_id=actor.user_id)
        assert (found.applies, len(found.diff)) == (applies, int(applies))


def test_a_preview_tells_what_then_comes_and_writes_nothing(
    put: Put, preview: Preview, unit: Open, alice: Actor, rows: Callable[..., list[Any]]
) -> None:
    def state() -> list[Any]:
        tables = ("preference_entries", "preference_history", "events")
        return [rows(f"SELECT count(*) FROM {table}") for table in tables]

    put(alice, "user", "-", STYLE, "bullets")
    before = state()
    told = preview(alice, "user", "-", STYLE, value="concise")
    assert state() == before
    put(alice, "user", "-", STYLE, "concise")
    with unit(alice) as work:
        assert preferences.effective(work, EffectiveQuery(key_prefix=STYLE)).items == [told.after.effective]
    preview(alice, "user", "-", STYLE, is_deleted=True)
    with unit(alice) as work:
        place, entry = preferences.for_change(work, "delete", "user", "-", STYLE)
        preferences.remove(work, place, entry, DeleteQuery(expected_version=2))


def test_what_could_not_be_saved_or_read_is_refused(preview: Preview, mine: Tasks, alice: Actor, bob: Actor) -> None:
    with pytest.raises(Invalid, match="concise"):
        preview(alice, "user", "-", STYLE, value="shouting")
    refused = [("task", mine.create().id, {}), ("user", alice.user_id, {}), ("user", "-", {"user_id": alice.user_id}),
               ("system", "-", {"user_id": alice.user_id}), ("group", uuid.uuid4(), {})]  # fmt: skip
    for scope, scope_id, whom in refused:
        with pytest.raises(GatewayError) as error:
            preview(bob, scope, scope_id, STYLE, value="concise", **whom)
        assert error.value.status in (403, 404), (scope, error.value)


@pytest.mark.parametrize(
    "wish",
    [{}, {"value": 1, "is_deleted": True}, {"value": 1, "task_id": uuid.UUID(int=1), "user_id": uuid.UUID(int=2)}],
)
def test_a_preview_is_of_one_change_for_somebody(wish: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"give a value|leave project_id and user_id out"):
        PreferencePreviewIn(**wish)
