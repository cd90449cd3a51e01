"""Preferences on a real database: versions, history, who may write where, and what counts for a task."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from gateway.core.database import Database
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.core.identity import SYSTEM, Actor
from gateway.core.rights import Rule, Selector, of_roles
from gateway.features.preferences import service as preferences
from gateway.features.preferences.schemas import DeleteQuery, EffectiveOut, EffectiveQuery, PreferenceIn
from tests.services.conftest import Open, Tasks

pytestmark = pytest.mark.usefixtures("clean_preferences")

STYLE = "output.summary_style"


@pytest.fixture
def put(unit: Open) -> Callable[..., int]:
    """Sets a preference; returns its version."""

    def put(actor: Actor, scope: str, scope_id: Any, key: str, value: Any, **more: Any) -> int:
        with unit(actor) as work:
            place, entry = preferences.for_change(work, "write", scope, scope_id, key)
            return preferences.put(work, place, entry, PreferenceIn(value=value, **more)).version

    return put


@pytest.fixture
def remove(unit: Open) -> Callable[..., None]:
    """Deletes a preference."""

    def remove(actor: Actor, scope: str, scope_id: Any, key: str, **more: Any) -> None:
        with unit(actor) as work:
            place, entry = preferences.for_change(work, "delete", scope, scope_id, key)
            preferences.remove(work, place, entry, DeleteQuery(**more))

    return remove


@pytest.fixture
def effective(unit: Open) -> Callable[..., EffectiveOut]:
    """What counts, as that actor is told."""

    def effective(actor: Actor, **wish: Any) -> EffectiveOut:
        with unit(actor) as work:
            return preferences.effective(work, EffectiveQuery(**wish))

    return effective


@pytest.fixture
def join(database: Database) -> Callable[..., uuid.UUID]:
    """Makes a group with a member."""

    def join(name: str, actor: Actor, *, member: bool = True, active: bool = True) -> uuid.UUID:
        group_id = uuid.uuid4()
        with database.engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO groups (id, name, description, is_active, version, created_at, updated_at)"
                    " VALUES (:id, :name, 'of a preference', :active, 1, now(), now())"
                ),
                {"id": group_id, "name": name, "active": active},
            )
            connection.execute(
                text(
                    "INSERT INTO group_members (group_id, user_id, is_active, added_at)"
                    " VALUES (:group_id, :user_id, :active, now())"
                ),
                {"group_id": group_id, "user_id": actor.user_id, "active": member},
            )
        return group_id

    return join


def values(found: EffectiveOut) -> dict[str, Any]:
    return {item.key: item.value for item in found.items}


def test_versions_count_up_and_an_expected_one_must_be_the_present(put: Callable[..., int], alice: Actor) -> None:
    me = alice.user_id
    assert put(alice, "user", me, STYLE, "concise", expected_version=0) == 1
    assert put(alice, "user", me, STYLE, "detailed") == 2, "without expected_version the last write wins"
    assert put(alice, "user", me, STYLE, "bullets", expected_version=2) == 3
    for stale in (0, 2, 4):
        with pytest.raises(Conflict, match="version 3 now") as refused:
            put(alice, "user", me, STYLE, "concise", expected_version=stale)
        assert refused.value.code == "version_conflict"
    with pytest.raises(Conflict, match="no such entry"):
        put(alice, "user", me, "other.key", 1, expected_version=3)


def test_a_key_made_again_goes_on_counting(
    put: Callable[..., int], remove: Callable[..., None], alice: Actor, rows: Callable[..., list[Any]]
) -> None:
    me = alice.user_id
    put(alice, "user", "-", STYLE, "concise", reason="short is good")
    with pytest.raises(Conflict, match="version 1 now"):
        remove(alice, "user", me, STYLE, expected_version=7)
    remove(alice, "user", me, STYLE, expected_version=1, reason="bored")
    with pytest.raises(NotFound):
        remove(alice, "user", me, STYLE)
    with pytest.raises(Conflict, match="no such entry"):
        put(alice, "user", me, STYLE, "detailed", expected_version=1)
    assert put(alice, "user", me, STYLE, None, expected_version=0) == 3
    found = rows(
        "SELECT version, value, value_type, is_deleted, reason, actor FROM preference_history"
        " WHERE scope_id = :me ORDER BY id",
        me=me,
    )
    assert found == [
        (1, "concise", "string", False, "short is good", "alice"),
        (2, "concise", "string", True, "bored", "alice"),
        (3, None, "null", False, None, "alice"),
    ]


def test_twenty_writers_at_once_make_twenty_versions(put: Callable[..., int], alice: Actor) -> None:
    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(lambda number: put(alice, "user", "-", "a.race", number), range(20)))
    assert sorted(made) == list(range(1, 21))


def test_of_two_who_expect_the_same_version_one_wins(put: Callable[..., int], alice: Actor) -> None:
    def write(number: int) -> bool:
        try:
            put(alice, "user", "-", "a.race", number, expected_version=0)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(write, range(10))) == 1


def test_value_and_type_must_fit(put: Callable[..., int], alice: Actor) -> None:
    with pytest.raises(Invalid) as refused:
        put(alice, "user", "-", "any.key", "12", value_type="number")
    assert refused.value.errors[0]["field"] == "value_type"
    with pytest.raises(Invalid, match="one of concise") as refused:
        put(alice, "user", "-", STYLE, "chatty")
    assert refused.value.errors[0]["field"] == "value"


def test_members_write_to_what_is_theirs_only(
    put: Callable[..., int], alice: Actor, bob: Actor, charlie: Actor, mine: Tasks, join: Callable[..., uuid.UUID]
) -> None:
    task = mine.create()
    group = join("lab", alice)
    for scope, scope_id in (("user", alice.user_id), ("task", task.id), ("project", task.project_id)):
        assert put(alice, scope, scope_id, "a.key", 1) == 1
        for not_bobs in (scope_id, uuid.uuid4()):
            with pytest.raises(NotFound, match=f"There is no such {scope}, or it is not yours"):
                put(bob, scope, not_bobs, "a.key", 2)
        assert put(SYSTEM, scope, scope_id, "a.key", 3) == 2
        with pytest.raises(NotFound):
            put(SYSTEM, scope, uuid.uuid4(), "a.key", 3)
    with pytest.raises(Forbidden):
        put(alice, "group", uuid.uuid4(), "a.key", 1)
    for scope, scope_id in (("system", "-"), ("group", group)):
        with pytest.raises(Forbidden):
            put(alice, scope, scope_id, "a.key", 1)
        assert put(SYSTEM, scope, scope_id, "a.key", 1) == 1
    with pytest.raises(Forbidden):
        put(charlie, "user", charlie.user_id, "a.key", 1)
    for scope, scope_id in (("system", uuid.uuid4()), ("task", "-"), ("project", "-"), ("group", "-")):
        with pytest.raises(Invalid, match="scope_id"):
            put(SYSTEM, scope, scope_id, "a.key", 1)


def test_lists_and_history_show_what_bears_on_the_reader(
    put: Callable[..., int], unit: Open, alice: Actor, bob: Actor, mine: Tasks, join: Callable[..., uuid.UUID]
) -> None:
    task, group = mine.create(), join("lab", alice)
    for scope, scope_id in (
        ("system", "-"), ("group", group), ("user", alice.user_id), ("project", task.project_id), ("task", task.id),
    ):  # fmt: skip
        put(SYSTEM, scope, scope_id, "a_b.key", scope)

    def seen(actor: Actor, *wish: Any) -> list[set[str]]:
        with unit(actor) as work:
            lists = (preferences.visible(work, *wish), preferences.history(work, *wish))
            return [{row.scope_type for row in work.session.scalars(query)} for query in lists]

    everything = {"system", "group", "user", "project", "task"}
    assert seen(alice, None, None, None) == [everything, everything]
    assert seen(bob, None, None, None) == [{"system"}, {"system"}]
    assert seen(SYSTEM, None, None, None) == [everything, everything]
    assert seen(alice, "user", "-", None) == [{"user"}, {"user"}]
    assert seen(bob, "task", task.id, None) == [set(), set()]
    with unit(alice) as work:
        for prefix, count in (("a_b", 5), ("a_b.key", 5), ("a.b", 0), ("a%", 0), ("b", 0)):
            assert len(work.session.scalars(preferences.visible(work, None, None, prefix)).all()) == count, prefix


def test_what_counts_for_a_task_comes_from_all_five_scopes(
    put: Callable[..., int], effective: Callable[..., EffectiveOut], alice: Actor, bob: Actor, mine: Tasks,
    join: Callable[..., uuid.UUID],
) -> None:  # fmt: skip
    task = mine.create()
    group = join("lab", alice)
    chain = [
        ("system", "-"), ("group", group), ("user", alice.user_id), ("project", task.project_id), ("task", task.id),
    ]  # fmt: skip
    for number, (scope, scope_id) in enumerate(chain):
        for key in ("k1", "k2", "k3", "k4", "k5")[number:]:
            put(SYSTEM, scope, scope_id, key, scope)
    put(SYSTEM, "user", bob.user_id, "k5", "somebody else's")
    put(SYSTEM, "user", alice.user_id, "k2", None)
    found = effective(alice, task_id=task.id)
    assert values(found) == {"k1": "system", "k3": "user", "k4": "project", "k5": "task"}
    assert [(item.key, item.scope_type, item.version) for item in found.masked] == [("k2", "user", 1)]
    [last] = [item for item in found.items if item.key == "k5"]
    assert (last.scope_type, last.scope_id, last.version, last.value_type) == ("task", task.id, 1, "string")
    in_project = effective(alice, project_id=task.project_id, key_prefix="k5")
    assert values(in_project) == {"k5": "project"}
    assert values(effective(alice, key_prefix="k5")) == {"k5": "user"}
    assert effective(alice, task_id=task.id) == effective(SYSTEM, task_id=task.id)
    for wish in ({"task_id": task.id}, {"project_id": task.project_id}, {"user_id": alice.user_id}):
        with pytest.raises(NotFound):
            effective(bob, **wish)
    assert values(effective(SYSTEM, user_id=bob.user_id, key_prefix="k5")) == {"k5": "somebody else's"}


def test_groups_go_by_name_and_only_active_ones_count(
    put: Callable[..., int], effective: Callable[..., EffectiveOut], alice: Actor, join: Callable[..., uuid.UUID]
) -> None:
    for name, options in (("c", {}), ("b", {}), ("a", {"active": False}), ("aa", {"member": False})):
        put(SYSTEM, "group", join(name, alice, **options), "k", name)
    found = effective(alice)
    assert values(found) == {"k": "b"}
    assert found.items[0].scope_name == "b"


def test_what_does_not_fit_in_the_database_is_passed_over_and_reported(
    put: Callable[..., int], effective: Callable[..., EffectiveOut], database: Database, alice: Actor
) -> None:
    put(SYSTEM, "system", "-", STYLE, "detailed")
    put(alice, "user", "-", STYLE, "concise")
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE preference_entries SET value = '7' WHERE scope_type = 'user'"))
    found = effective(alice)
    assert values(found) == {STYLE: "detailed"}
    [passed_over] = found.invalid
    assert (passed_over.key, passed_over.scope_type, passed_over.scope_id) == (STYLE, "user", alice.user_id)
    assert "not string" in passed_over.reason


def test_changes_are_told_to_their_owner_without_the_value(
    put: Callable[..., int], remove: Callable[..., None], alice: Actor, rows: Callable[..., list[Any]]
) -> None:
    put(alice, "user", "-", "a.telling", "private words")
    remove(alice, "user", "-", "a.telling")
    found = rows(
        "SELECT name, owner_id, data FROM events WHERE data->>'key' = 'a.telling' ORDER BY seq", me=alice.user_id
    )
    assert [(name, owner) for name, owner, _ in found] == [
        ("preference.changed", alice.user_id),
        ("preference.deleted", alice.user_id),
    ]
    assert [data["version"] for *_, data in found] == [1, 2]
    assert "private words" not in str(found)


def test_the_preferences_of_a_task_go_with_it(
    put: Callable[..., int], alice: Actor, mine: Tasks, rows: Callable[..., list[Any]]
) -> None:
    task = mine.in_status("completed")
    put(alice, "task", task.id, "a.key", 1)
    mine.call("remove", task.id)
    assert rows("SELECT 1 FROM preference_entries WHERE scope_id = :id", id=task.id) == []
    history = rows("SELECT is_deleted FROM preference_history WHERE scope_id = :id ORDER BY id", id=task.id)
    assert history == [(False,), (True,)]


NO_PYTHON = ("code.language.disallowed", ["python"])


def test_a_forbidden_task_is_refused_with_preference_and_scope(
    put: Callable[..., int], mine: Tasks, alice: Actor, bob: Actor, unit: Open, rows: Callable[..., list[Any]],
    join: Callable[..., uuid.UUID],
) -> None:  # fmt: skip
    put(SYSTEM, "group", join("lab", alice), *NO_PYTHON)
    before = rows("SELECT count(*) FROM tasks WHERE owner_id = :id", id=alice.user_id)
    for wish, field in (
        ({"commands": ["true", "python3 x.py"]}, "commands.1"),
        ({"commands": None, "script": {"content": "1", "interpreter": "python3"}}, "script.interpreter"),
    ):
        with pytest.raises(Forbidden, match=r"code\.language\.disallowed at group scope \(lab\)") as refused:
            mine.create(**wish)
        assert refused.value.code == "forbidden_by_preference"
        assert [error["field"] for error in refused.value.errors] == [field]
    assert rows("SELECT count(*) FROM tasks WHERE owner_id = :id", id=alice.user_id) == before
    denied = rows("SELECT decision, reason FROM audit_records WHERE action = 'tasks.create' ORDER BY id DESC LIMIT 1")
    assert denied[0][0] == "deny"
    assert "group scope (lab)" in denied[0][1]
    mine.create(commands=["true"])
    mine.create(commands=None, prompt="write some python")
    Tasks(unit, bob, mine.node).create(commands=["python3 x.py"])


def test_network_is_refused_by_preference(put: Callable[..., int], mine: Tasks, alice: Actor) -> None:
    put(SYSTEM, "system", "-", "security.network.allowed", False)
    put(alice, "user", "-", "security.network.allowed", True)
    with pytest.raises(Forbidden, match=r"security\.network\.allowed at system scope"):
        mine.create(network=True)
    with pytest.raises(Forbidden):
        mine.create(commands=None, prompt="hello", network=True)
    mine.create(network=False)


def test_a_retry_is_held_against_the_preferences_of_now_and_of_the_task(
    put: Callable[..., int], remove: Callable[..., None], mine: Tasks, alice: Actor
) -> None:
    task = mine.create(commands=["python3 x.py"])
    mine.finish(task, "failed")
    put(alice, "task", task.id, *NO_PYTHON)
    with pytest.raises(Forbidden, match="task scope"):
        mine.call("retry", task.id)
    assert mine.status(task) == ["failed"]
    remove(alice, "task", task.id, NO_PYTHON[0])
    assert mine.call("retry", task.id).status == "queued"


def test_a_waiting_task_that_is_forbidden_by_now_is_canceled_with_what_waits_for_it(
    put: Callable[..., int], mine: Tasks, alice: Actor
) -> None:
    head = mine.create()
    middle = mine.create(commands=["python3 x.py"], depends_on=[head.id])
    tail = mine.create(depends_on=[middle.id])
    other = mine.create(depends_on=[head.id])
    put(alice, "user", "-", *NO_PYTHON)
    mine.finish(head)
    assert mine.status(middle, tail, other) == ["canceled", "canceled", "queued"]
    error = mine.get(middle.id).error
    assert error is not None
    assert error["code"] == "forbidden_by_preference"
    assert "user scope" in error["message"]


@pytest.mark.parametrize(
    ("denied", "left"),
    [
        ("other/kind", {"mine", "more", "shared", "all"}),
        ("user/{me}/a.mine", {"more", "shared", "all"}),
        ("user/{me}", {"shared", "all"}),
        ("group/{group}/a.shared", {"mine", "more", "all"}),
        ("system/-/a.all", {"mine", "more", "shared"}),
    ],
)
def test_what_a_rule_denies_reading_is_in_no_list(
    unit: Open, put: Callable[..., int], join: Callable[..., uuid.UUID], alice: Actor, denied: str, left: set[str]
) -> None:
    group = join(f"g{uuid.uuid4().hex[:8]}", alice)
    for key in ("a.mine", "a.more"):
        put(alice, "user", "-", key, 1)
    put(SYSTEM, "group", group, "a.shared", 1)
    put(SYSTEM, "system", "-", "a.all", 1)
    selector = Selector(kind="preferences", id=denied.format(me=alice.user_id, group=group))
    rule = Rule(uuid.uuid4(), "hands off", "deny", "preferences.read", selector)
    asking = replace(alice, rights=replace(of_roles(alice.roles), rules=(rule,)))
    with unit(asking) as work:
        for found in (preferences.visible(work, None, None, "a."), preferences.history(work, None, None, None)):
            assert {row.key.removeprefix("a.") for row in work.session.scalars(found)} == left
    if denied != "user/{me}":  # that is denied as a whole, and what counts for the user with it
        with unit(asking) as work:
            counting = preferences.effective(work, EffectiveQuery(key_prefix="a."))
        assert {item.key.removeprefix("a.") for item in counting.items} == left
