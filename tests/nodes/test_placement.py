"""Which node may take which run: the rules alone, over plain values."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from gateway.core.queue import QUEUE
from gateway.features.nodes.placement import (
    INPUTS,
    MODEL,
    REQUIRES,
    SANDBOX,
    Facts,
    queue_of,
    queues_for,
    refusals,
    unmet,
)
from gateway.node import machine

SMALL = "local/small"


def node(name: str = "n", **changes: Any) -> Facts:
    """A node that can do everything, with changes."""
    has = {
        "sandbox": {"ok": True, "kind": "bubblewrap"}, "models": [{"id": SMALL}], "cpus": 4, "memory_bytes": 2**33,
        "gpus": [], **changes.pop("capabilities", {}),
    }  # fmt: skip
    values = {"admission": "open", "labels": {"name": name}, "concurrency": 8, "running": 0, "memory_percent": 50.0}
    return Facts(id=uuid.uuid4(), name=name, capabilities=has, **{**values, **changes})


BARE = {"sandbox": {"ok": False, "kind": None}, "models": []}


def test_runs_lie_in_queues_by_what_they_need() -> None:
    assert queue_of(None, in_sandbox=True, model=None) == SANDBOX
    assert queue_of(None, in_sandbox=True, model=None, has_inputs=True) == INPUTS
    assert queue_of(None, in_sandbox=False, model=None) == QUEUE
    assert queue_of(None, in_sandbox=False, model="orchestrator") == QUEUE
    assert queue_of(None, in_sandbox=False, model=SMALL) == MODEL + SMALL
    one, other = {"labels": {"a": "1", "b": "2"}}, {"labels": {"b": "2", "a": "1"}}
    assert queue_of(one, in_sandbox=True, model=None) == queue_of(other, in_sandbox=True, model=None)
    assert queue_of(one, in_sandbox=True, model=None).startswith(REQUIRES)
    assert queue_of(one, in_sandbox=True, model=None) != queue_of({"gpu": True}, in_sandbox=True, model=None)


@pytest.mark.parametrize(
    ("requires", "reason"),
    [
        ({"labels": {"zone": "north"}}, "it has no label zone, not north"),
        ({"labels": {"name": "other"}}, "its name is n, not other"),
        ({"sandbox": "podman"}, "it has no podman sandbox"),
        ({"models": ["local/large"]}, "it does not reach local/large"),
        ({"cpus": 8}, "it has 4 processors, not 8"),
        ({"memory_bytes": 2**34}, f"it has {2**33} bytes of memory, not {2**34}"),
        ({"gpu": True}, "it has no GPU"),
    ],
)
def test_a_node_that_lacks_what_is_required_says_what(requires: dict[str, Any], reason: str) -> None:
    assert unmet(node(), requires) == [reason]
    assert refusals(node(), [], "requires:x", requires) == [reason]


def test_a_node_that_has_all_of_it_takes_it() -> None:
    requires = {"labels": {"name": "n"}, "sandbox": "bubblewrap", "models": [SMALL], "cpus": 4, "memory_bytes": 2**33}
    assert unmet(node(), requires) == []
    assert unmet(node(capabilities={"gpus": ["NVIDIA T4"]}), {"gpu": True}) == []


def test_a_node_without_a_sandbox_leaves_commands_to_those_that_have_one() -> None:
    bare, able = node("bare", capabilities=BARE), node("able")
    assert refusals(bare, [able], SANDBOX, None) == ["it has no sandbox"]
    assert refusals(able, [bare], SANDBOX, None) == []
    assert refusals(bare, [], SANDBOX, None) == [], "alone it takes them, and says what is missing"
    assert refusals(bare, [node("off", admission="disabled")], SANDBOX, None) == [], "one that takes nothing is no help"


def test_a_prompt_goes_to_a_node_that_reaches_its_model() -> None:
    bare, able = node("bare", capabilities=BARE), node("able")
    assert refusals(bare, [able], MODEL + SMALL, None) == [f"it does not reach {SMALL}"]
    assert refusals(bare, [able], MODEL + "no/where", None) == [], "nobody has it, so anyone says so"


@pytest.mark.parametrize("admission", ["draining", "drained", "disabled"])
def test_a_node_that_was_told_to_take_nothing_takes_from_no_queue(admission: str) -> None:
    assert queues_for(node(admission=admission), [node()], [("requires:x", {"cpus": 1})]) == []


def test_a_node_short_of_memory_leaves_work_to_others_that_are_free() -> None:
    full = node("full", memory_percent=97.0)
    assert "memory" in refusals(full, [node()], SANDBOX, None)[0]
    assert refusals(full, [node(running=8)], SANDBOX, None) == []
    assert refusals(full, [node(capabilities=BARE)], SANDBOX, None) == [], "a free one without a sandbox is no help"
    assert refusals(full, [], SANDBOX, None) == []


def test_files_that_are_given_go_to_a_node_that_has_them_while_one_is_free() -> None:
    far, near = node("far", capabilities={"files_carried": True}), node("near")
    assert "carried" in refusals(far, [near], INPUTS, None)[0]
    assert refusals(near, [far], INPUTS, None) == []
    assert refusals(far, [near], SANDBOX, None) == []
    assert refusals(far, [node(running=8)], INPUTS, None) == []
    assert refusals(far, [node(capabilities=BARE)], INPUTS, None) == [], "one without a sandbox is no help"
    assert refusals(far, [], INPUTS, None) == []


def test_a_node_knows_its_queues() -> None:
    waiting: list[tuple[str, Any]] = [("requires:far", {"labels": {"zone": "far"}}), ("requires:ok", {"cpus": 1})]
    assert queues_for(node(), [], waiting) == [QUEUE, SANDBOX, INPUTS, MODEL + SMALL, "requires:ok"]


def test_gpus_are_read_off_the_drivers(tmp_path: Path) -> None:
    card, other, processor = tmp_path / "nv" / "0000:01", tmp_path / "amd" / "1", tmp_path / "amd" / "0"
    for folder in (card, other, processor):
        folder.mkdir(parents=True)
    (card / "information").write_text("Model: \t NVIDIA GeForce RTX 4090\nIRQ: 12\n")
    (other / "properties").write_text("cpu_cores_count 0\nsimd_count 120\n")
    (other / "name").write_text("navi31\n")
    (processor / "properties").write_text("cpu_cores_count 8\nsimd_count 0\n")
    assert machine.gpus(tmp_path / "nv", tmp_path / "amd") == ["NVIDIA GeForce RTX 4090", "navi31"]
    assert machine.gpus(tmp_path / "none", tmp_path / "none") == []
