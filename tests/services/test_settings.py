"""Settings: typed, bounded, versioned; seen by every process within about a second."""

from typing import Any

import pytest

from gateway.core.config import Config
from gateway.core.database import Database
from gateway.core.errors import Conflict, Forbidden, GatewayError, Invalid, NotFound
from gateway.core.identity import SYSTEM, Actor
from gateway.features.settings import live, service
from gateway.features.settings.known import KNOWN
from gateway.features.settings.schemas import SettingOut, SettingQuery
from gateway.features.tasks import service as tasks
from gateway.features.tasks.schemas import TaskIn
from tests.conftest import wait_until
from tests.services.conftest import Open, Tasks

KEY = "tasks.default_timeout_s"


def put(unit: Open, key: str, value: Any, expected_version: int | None = None, actor: Actor = SYSTEM) -> SettingOut:
    with unit(actor) as work:
        return service.put(work, key, service.for_change(work, key), value, expected_version)


def reset(unit: Open, key: str) -> None:
    with unit(SYSTEM) as work:
        service.reset(work, key, service.for_change(work, key))


def get(unit: Open, key: str) -> SettingOut:
    with unit(SYSTEM) as work:
        return service.get(work, key)


def test_a_setting_goes_from_its_default_to_a_value_and_back(unit: Open) -> None:
    before = get(unit, KEY)
    assert (before.value, before.source) == (3600.0, "default")
    changed = put(unit, KEY, 120)
    assert (changed.value, changed.default, changed.source) == (120.0, 3600.0, "database")
    assert (changed.version, changed.updated_by) == (before.version + 1, "system")
    reset(unit, KEY)
    after = get(unit, KEY)
    assert (after.value, after.source) == (3600.0, "default")
    assert after.version == changed.version + 1, "a reset is a change, too: no version comes twice"


def test_a_task_that_names_no_time_limit_gets_the_one_in_force(unit: Open, mine: Tasks) -> None:
    put(unit, KEY, 77)
    try:
        assert mine.create().timeout_s == 77
    finally:
        reset(unit, KEY)
    assert mine.create().timeout_s == 3600


def test_no_task_may_name_a_longer_time_limit_than_is_allowed(unit: Open, alice: Actor, mine: Tasks) -> None:
    put(unit, "tasks.max_timeout_s", 100)
    try:
        with unit(alice) as work, pytest.raises(Invalid, match="at most 100 seconds"):
            tasks.create(work, TaskIn(commands=["true"], timeout_s=101))
        assert mine.create(timeout_s=100).timeout_s == 100
        assert mine.create().timeout_s == 100, "the default bows to the limit"
    finally:
        reset(unit, "tasks.max_timeout_s")


def test_a_prompt_that_names_no_model_gets_the_one_in_force(unit: Open, mine: Tasks) -> None:
    put(unit, "chat.default_model", "ollama/llama3.2:3b")
    try:
        for model in (None, "orchestrator"):
            task = mine.create(commands=None, prompt="Hello", model=model)
            assert task.run_id is not None
            assert mine.node.begin(task.run_id).model == "ollama/llama3.2:3b"
            mine.node.end(task.run_id)
        named = mine.create(commands=None, prompt="Hello", model="local/other")
        assert named.run_id is not None
        assert mine.node.begin(named.run_id).model == "local/other"
    finally:
        reset(unit, "chat.default_model")


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        (KEY, "60"), (KEY, True), (KEY, None), (KEY, 0), (KEY, 604_801), (KEY, [60]),
        ("chat.default_model", "no-slash"), ("chat.default_model", 1), ("chat.default_model", "a b/c"),
        ("time_zone", "Mars/Olympus"), ("time_zone", ""), ("time_zone", "../etc/passwd"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused_with_what_does(unit: Open, key: str, wrong: Any) -> None:
    with pytest.raises(Invalid, match=r"value: send ") as refused:
        put(unit, key, wrong)
    assert refused.value.errors[0]["field"] == "value"


def test_what_somebody_changed_meanwhile_is_not_replaced(unit: Open) -> None:
    version = put(unit, "time_zone", "Europe/Berlin").version
    put(unit, "time_zone", "Asia/Tokyo", expected_version=version)
    with pytest.raises(Conflict) as refused:
        put(unit, "time_zone", "Europe/Paris", expected_version=version)
    assert refused.value.code == "version_conflict"
    assert get(unit, "time_zone").value == "Asia/Tokyo"
    reset(unit, "time_zone")


def test_only_those_who_run_the_gateway_may_look_and_only_its_admins_may_change(unit: Open, alice: Actor) -> None:
    operator = Actor(alice.user_id, "alice", frozenset({"operator"}), via="test")
    with unit(operator) as work:
        assert len(service.page(work, SettingQuery(limit=200)).rows) == len(KNOWN)
    for actor in (alice, operator):
        with pytest.raises(Forbidden):
            put(unit, KEY, 1, actor=actor)
    with unit(alice) as work, pytest.raises(Forbidden):
        service.get(work, KEY)


def test_there_are_only_the_known_ones(unit: Open) -> None:
    for act in (lambda: get(unit, "no.such"), lambda: put(unit, "no.such", 1), lambda: reset(unit, "no.such")):
        with pytest.raises(NotFound):
            act()


def test_every_change_is_told_and_a_failed_one_is_not(unit: Open, rows: Any) -> None:
    told = "SELECT data FROM events WHERE name = 'setting.changed' ORDER BY seq DESC LIMIT 1"
    put(unit, KEY, 55)
    assert rows(told) == [({"key": KEY, "value": 55.0, "source": "database"},)]
    with pytest.raises(GatewayError):
        put(unit, KEY, -1)
    assert rows(told)[0][0]["value"] == 55.0
    reset(unit, KEY)
    assert rows(told) == [({"key": KEY, "value": 3600.0, "source": "default"},)]


def test_another_process_knows_within_two_seconds(unit: Open, database: Database) -> None:
    elsewhere = Database(database.url)
    try:
        theirs = live.of(elsewhere.engine)
        assert theirs.value(KEY) == 3600
        put(unit, KEY, 42)
        wait_until(lambda: theirs.value(KEY) == 42, 2)
        reset(unit, KEY)
        wait_until(lambda: theirs.value(KEY) == 3600, 2)
    finally:
        elsewhere.dispose()


def test_the_last_known_values_hold_while_there_is_no_database(database: Database) -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/none")
    assert live.of(nowhere.engine).value(KEY) == 3600
    nowhere.dispose()


def test_what_the_process_was_told_decides_and_says_so(unit: Open, database: Database, tmp_path: Any) -> None:
    put(unit, KEY, 42)
    live.start(database.engine, Config(data_dir=tmp_path, task_timeout_s=9))
    try:
        shown = get(unit, KEY)
        assert (shown.value, shown.source, shown.needs_restart) == (9.0, "configuration", True)
        with pytest.raises(Conflict, match="GATEWAY_TASK_TIMEOUT_S") as refused:
            put(unit, KEY, 50)
        assert refused.value.code == "setting_fixed"
    finally:
        live.start(database.engine, Config(data_dir=tmp_path))
    assert get(unit, KEY).value == 42
    reset(unit, KEY)
