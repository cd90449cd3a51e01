"""Names are lower case with dashes, and unique per user."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.core.identity import Actor
from gateway.features.tasks import names
from tests.services.conftest import Open, Tasks


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Join Them", "join-them"),
        ("  Über  Größe!! ", "uber-groe"),
        ("a__b--c", "a-b-c"),
        ("2026 Report (final)", "2026-report-final"),
        ("日本語", "task"),
        ("---", "task"),
        ("x" * 200, "x" * 60),
        ("a" * 59 + " b", "a" * 59),
    ],
)
def test_a_name_is_normalised(text: str, name: str) -> None:
    assert names.normalise(text) == name


def test_a_taken_name_gets_the_next_number(mine: Tasks) -> None:
    assert [mine.create(name=text).name for text in ("Same Name", "same-name", "SAME name")] == [
        "same-name",
        "same-name-2",
        "same-name-3",
    ]


def test_a_number_that_somebody_chose_is_skipped(mine: Tasks) -> None:
    assert [mine.create(name=text).name for text in ("chosen-2", "chosen", "chosen")] == [
        "chosen-2",
        "chosen",
        "chosen-3",
    ]


def test_two_people_may_use_one_name(mine: Tasks, unit: Open, bob: Actor) -> None:
    assert mine.create(name="shared").name == "shared"
    assert Tasks(unit, bob, mine.node).create(name="shared").name == "shared"


def test_twenty_at_once_get_twenty_names(mine: Tasks) -> None:
    with ThreadPoolExecutor(20) as pool:
        found = {task.name for task in pool.map(lambda _: mine.create(name="crowd"), range(20))}
    assert found == {"crowd", *(f"crowd-{n}" for n in range(2, 21))}


def test_without_a_name_the_input_names_the_task(mine: Tasks) -> None:
    assert mine.create(commands=["echo Hello, World"]).name == "echo-hello-world"
