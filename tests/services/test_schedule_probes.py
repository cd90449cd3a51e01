"""Commands that schedules wait for: tried in turn, reported once, fired on the exit that is wanted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.core.clock import new_id, now
from gateway.core.errors import Forbidden
from gateway.core.identity import SYSTEM
from gateway.features.identity import service as identity
from gateway.features.identity import service_tokens
from gateway.features.nodes import service as nodes
from gateway.features.schedules import service, service_probing
from gateway.features.schedules.models import Schedule, ScheduleState
from gateway.features.schedules.service_probing import Probe
from tests.services.conftest import Open, PlainNode
from tests.services.schedule_world import World

TRY = {"kind": "command", "command": "test -e /workspace/ready", "every_s": 60, "timeout_s": 5}


@pytest.fixture
def probed(world: World, node: PlainNode, unit: Open) -> "Callable[..., Probed]":
    """Makes a schedule that waits for a command."""

    def make(*, payload: dict[str, Any] | None = None, **trigger: Any) -> Probed:
        wish = payload or {"kind": "commands", "commands": ["true"]}
        return Probed(world, node, unit, world.make(trigger={**TRY, **trigger}, payload=wish, overlap="allow"))

    return make


class Probed:
    """A schedule with a command, and the node that tries it."""

    def __init__(self, world: World, node: PlainNode, unit: Open, schedule: Schedule) -> None:
        self.world, self.node, self.unit, self.schedule = world, node, unit, schedule

    def take(self) -> list[Probe]:
        """What the node is given to try."""
        with self.unit(SYSTEM) as work:
            return service_probing.take(work, self.node.id, 4)

    def time_passes(self) -> None:
        """Its next try is due."""
        with self.world.database.sessions() as session:
            session.get_one(ScheduleState, self.schedule.id).probe_due_at = now() - timedelta(seconds=1)
            session.commit()

    def exits(self, *codes: int) -> list[str]:
        """Tries it once for each exit; returns the causes of all firings until now, oldest first."""
        for code in codes:
            self.time_passes()
            (probe,) = self.take()
            self.report(probe, code)
            self.world.wake()
        return [cause for _, cause in self.world.outcomes(self.schedule)]

    def report(self, probe: Probe, code: int) -> None:
        with self.unit(SYSTEM) as work:
            service_probing.report(work, probe, code, now())


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        ("success", ["exit:0", "exit:0"]),
        ("failure", ["exit:1", "exit:7"]),
        ("change", ["exit:0", "exit:7", "exit:2", "exit:0"]),
    ],
)
def test_the_exit_that_is_waited_for_has_the_schedule_run_once(
    probed: Callable[..., Probed], when: str, wanted: list[str]
) -> None:
    assert probed(when=when).exits(1, 1, 0, 0, 7, 2, 0) == wanted


def test_a_command_is_tried_again_after_its_time(probed: Callable[..., Probed]) -> None:
    made = probed()
    (probe,) = made.take()
    assert (probe.command, probe.timeout_s, probe.network) == (TRY["command"], 5, False)
    assert made.take() == [], "it is being tried"
    made.report(probe, 3)
    shown = made.world.look(made.schedule)
    assert shown.probe is not None
    assert (shown.probe.exit_code, shown.probe.problem) == (3, None)
    assert shown.probe.next_at is not None
    assert timedelta(seconds=55) < shown.probe.next_at - now() <= timedelta(seconds=60)
    assert shown.description == "When test -e /workspace/ready exits with 0, tried every minute"


def test_what_a_dead_node_had_taken_is_taken_again_and_only_the_last_report_counts(
    probed: Callable[..., Probed],
) -> None:
    made = probed()
    (first,) = made.take()
    made.time_passes()
    (second,) = made.take()
    made.report(first, 0)
    made.world.wake()
    assert made.world.runs(made.schedule) == []
    made.report(second, 0)
    made.report(second, 0)
    made.world.wake()
    assert [cause for _, cause in made.world.outcomes(made.schedule)] == ["exit:0"]


def test_a_change_makes_the_next_exit_the_first(probed: Callable[..., Probed]) -> None:
    made = probed()
    (under_way,) = made.take()
    made.world.change(made.schedule, trigger={**TRY, "command": "true"})
    made.report(under_way, 0)
    assert made.exits(0) == ["exit:0"]
    made.world.call(service.set_enabled, made.schedule.id, False)
    assert made.take() == []
    made.world.call(service.set_enabled, made.schedule.id, True)
    assert made.exits(0) == ["exit:0", "exit:0"]


def test_a_node_that_cannot_have_its_task_does_not_try_it(probed: Callable[..., Probed], unit: Open) -> None:
    picky = {"kind": "commands", "commands": ["true"], "requires": {"labels": {"disk": "usb"}}}
    assert probed(payload=picky).take() == []
    made = probed()
    with unit(SYSTEM) as work:
        nodes.disable(work, made.node.id)
    assert made.take() == []
    with unit(SYSTEM) as work:
        nodes.enable(work, made.node.id)
    assert len(made.take()) == 1


def test_those_that_a_node_cannot_try_do_not_keep_it_from_others(
    probed: Callable[..., Probed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_probing, "BATCH", 2)
    picky = {"kind": "commands", "commands": ["true"], "requires": {"labels": {"disk": "usb"}}}
    for _ in range(5):
        probed(payload=picky)
    made = [probed() for _ in range(6)]
    tried = [probe.schedule_id for probe in made[0].take()]
    assert tried == [each.schedule.id for each in made[:4]]
    assert [probe.schedule_id for probe in made[0].take()] == [each.schedule.id for each in made[4:]]


def test_the_owner_is_asked_about_at_each_try(world: World, node: PlainNode, unit: Open) -> None:
    with unit(SYSTEM) as work:
        dora = identity.create_user(work, f"dora-{new_id().hex[-8:]}", role="member")
        actor = identity.present_user(work, dora.id)
    assert actor is not None
    hers = World(world.database, actor)
    made = hers.make(trigger=TRY)
    with unit(SYSTEM) as work:
        identity.set_active(work, identity.to_change(work, dora.id), False)
    assert Probed(hers, node, unit, made).take() == []
    probe = hers.look(made).probe
    assert probe is not None
    assert "the account is disabled" in (probe.problem or "")


def test_only_the_owner_changes_the_command(world: World, unit: Open) -> None:
    made = world.make(trigger=TRY)
    with unit(SYSTEM) as work:
        boss = identity.create_user(work, f"boss-{new_id().hex[-8:]}", role="operator")
        boss_actor = identity.present_user(work, boss.id)
    assert boss_actor is not None
    theirs = World(world.database, boss_actor)
    with pytest.raises(Forbidden, match="Only its owner"):
        theirs.change(made, trigger={**TRY, "command": "curl evil.example"})
    assert theirs.change(made, name="renamed").name == "renamed"


def test_what_a_token_said_keeps_to_its_rights_until_all_of_it_is_said_anew(world: World, unit: Open) -> None:
    def by_a_token() -> World:
        with unit(world.actor) as work:
            token, _ = service_tokens.create_token(work, str(new_id()), ["schedules.*", "tasks.*"], None)
        actor = replace(world.actor, via="token", credential_id=token.id, scopes=("schedules.*", "tasks.*"))
        return World(world.database, actor, at=world.at)

    maker = by_a_token()
    made = maker.make(trigger=TRY, payload={"kind": "commands", "commands": ["true"], "env": {"A": "1"}})

    def asked_by(change: World, **patch: Any) -> Any:
        change.change(made, **patch)
        with world.database.sessions() as session:
            return session.get_one(Schedule, made.id).by_token

    whole = {"kind": "commands", "commands": ["id"], "env": {"A": "2"}}
    for part in ({"trigger": TRY}, {"payload": {"commands": ["id"]}}, {"payload": {**whole, "env": {}}, "trigger": TRY},
                 {"payload": whole}):  # fmt: skip
        assert asked_by(world, **part) == maker.actor.credential_id, part
        with pytest.raises(Forbidden, match="Another API token"):
            by_a_token().change(made, **part)
    assert asked_by(world, payload=whole, trigger=TRY) is None
    assert asked_by(maker, trigger=TRY) == maker.actor.credential_id
    other = by_a_token()
    assert asked_by(other, payload=whole, cron="0 3 * * *") == other.actor.credential_id


def test_a_command_past_the_end_is_not_tried(probed: Callable[..., Probed]) -> None:
    made = probed()
    with made.world.database.sessions() as session:
        session.get_one(Schedule, made.schedule.id).end_at = now() - timedelta(seconds=1)
        session.commit()
    assert made.take() == []
    shown = made.world.look(made.schedule)
    assert shown.probe is not None
    assert shown.probe.next_at is None


@pytest.mark.parametrize("wrong", [{"every_s": 1}, {"timeout_s": 0}, {"command": ""}, {"when": "maybe"}])
def test_a_command_that_makes_no_sense_is_refused(world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        world.make(trigger={**TRY, **wrong})
