"""A run's log: appended in batches, read by stream, time and words, from the end, cut at its limit."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.clock import now
from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.identity import SYSTEM, Actor
from gateway.features.runs import service, service_holding, service_logs
from gateway.features.runs.models import Run
from gateway.features.runs.schemas import LogAppended, LogEntryIn, LogQuery
from gateway.features.runs.service_logs import LogBatch
from gateway.features.settings import service as settings
from tests.services.conftest import Open, PlainNode, Tasks
from tests.services.test_external_runs import make, patch


def append(unit: Open, actor: Actor, run_id: uuid.UUID, *entries: Any) -> LogAppended:
    wanted = [LogEntryIn(**({"message": entry} if isinstance(entry, str) else entry)) for entry in entries]
    with unit(actor) as work:
        return service_logs.append(work, run_id, wanted)


def read(unit: Open, actor: Actor, run_id: uuid.UUID, **query: Any) -> list[str]:
    """The messages of all pages."""
    messages: list[str] = []
    cursor: str | None = None
    with unit(actor) as work:
        run = service.get(work, run_id)
        while True:
            page = service_logs.read(work, run, LogQuery(cursor=cursor, **query))
            messages += [row.message for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                return messages


def setting(unit: Open, key: str, value: Any) -> None:
    with unit(SYSTEM) as work:
        settings.put(work, key, settings.for_change(work, key), value, None)


@pytest.fixture
def small_logs(unit: Open) -> Any:
    """Logs are cut at 2000 bytes."""
    setting(unit, "logs.max_run_bytes", 2000)
    yield
    setting(unit, "logs.max_run_bytes", 256 * 2**20)


def test_entries_keep_their_order_and_numbers(unit: Open, alice: Actor) -> None:
    run = make(unit, alice)
    first = append(unit, alice, run.id, "a", {"message": "b", "stream": "stderr"})
    second = append(unit, alice, run.id, {"message": "c", "stream": "structured", "data": {"level": "info"}})
    assert (first.first_seq, first.last_seq, first.stored) == (1, 2, 2)
    assert (second.first_seq, second.last_seq, second.dropped) == (3, 3, 0)
    assert read(unit, alice, run.id) == ["a", "b", "c"]
    with unit(alice) as work:
        rows = service_logs.read(work, run, LogQuery()).rows
        assert [(row.seq, row.stream, row.data) for row in rows] == [
            (1, "stdout", None), (2, "stderr", None), (3, "structured", {"level": "info"}),
        ]  # fmt: skip


def test_a_log_is_read_by_stream_time_and_words(unit: Open, alice: Actor) -> None:
    run = make(unit, alice)
    began = now() - timedelta(hours=1)
    append(unit, alice, run.id, *(
        {"message": f"line {number} Wörter%_", "stream": "stderr" if number % 3 else "stdout",
         "time": began + timedelta(minutes=number)}
        for number in range(30)
    ))  # fmt: skip
    assert read(unit, alice, run.id, stream="stdout", limit=4) == [f"line {n} Wörter%_" for n in range(0, 30, 3)]
    after, before = began + timedelta(minutes=7), began + timedelta(minutes=10)
    assert read(unit, alice, run.id, written_after=after, written_before=before) == [
        "line 8 Wörter%_", "line 9 Wörter%_",
    ]  # fmt: skip
    assert read(unit, alice, run.id, q="LINE 2", stream="stdout") == ["line 21 Wörter%_", "line 24 Wörter%_",
                                                                         "line 27 Wörter%_"]  # fmt: skip
    assert len(read(unit, alice, run.id, q="wÖRTER%_")) == 30, "letters, not patterns"
    assert read(unit, alice, run.id, q="%line") == []


def test_a_log_opens_at_its_end_and_goes_back(unit: Open, alice: Actor) -> None:
    run = make(unit, alice)
    append(unit, alice, run.id, *(str(number) for number in range(1, 26)))
    assert read(unit, alice, run.id, tail=True, limit=3) == ["23", "24", "25"]
    assert read(unit, alice, run.id, before_seq=23, limit=3) == ["20", "21", "22"]
    assert read(unit, alice, run.id, before_seq=1) == []
    assert read(unit, alice, run.id, after_seq=23) == ["24", "25"]
    assert read(unit, alice, run.id, after_seq=14, q="5") == ["15", "25"]
    for both in ({"tail": True, "q": "x"}, {"before_seq": 2, "cursor": "x"}):
        with pytest.raises(ValueError, match="without a cursor"):
            LogQuery(**both)


def test_a_search_goes_through_a_long_log_in_bounded_steps(
    unit: Open, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_logs, "STRETCH", 10)
    run = make(unit, alice)
    append(unit, alice, run.id, *(f"<{number}>" for number in range(35)))
    with unit(alice) as work:
        page = service_logs.read(work, service.get(work, run.id), LogQuery(q="<33>"))
        assert (page.rows, page.next_cursor is None) == ([], False), "nothing in the first stretch, and a way to go on"
    assert read(unit, alice, run.id, q="<33>") == ["<33>"]
    assert read(unit, alice, run.id, q="3", limit=2) == [f"<{n}>" for n in (3, 13, 23, 30, 31, 32, 33, 34)]


def test_a_log_is_cut_at_its_limit_with_a_mark(unit: Open, alice: Actor, small_logs: None) -> None:
    run = make(unit, alice)
    kept = append(unit, alice, run.id, *("x" * 300 for _ in range(10)))
    assert (kept.stored, kept.dropped, kept.cut) == (6, 4, True)
    again = append(unit, alice, run.id, "more")
    assert (again.first_seq, again.stored, again.dropped) == (None, 0, 1)
    messages = read(unit, alice, run.id)
    assert len(messages) == 7
    assert "cut here" in messages[-1]
    with unit(alice) as work:
        assert service.get(work, run.id).log_cut is True


def test_a_finished_runs_log_closes_after_a_grace(unit: Open, alice: Actor) -> None:
    run = make(unit, alice)
    patch(unit, alice, run.id, status="completed")
    append(unit, alice, run.id, "a last word")
    with unit(SYSTEM) as work:
        work.session.get_one(Run, run.id).ended_at = now() - timedelta(seconds=61)
    with pytest.raises(Conflict) as refused:
        append(unit, alice, run.id, "too late")
    assert refused.value.code == "log_closed"
    assert read(unit, alice, run.id) == ["a last word"]


@pytest.mark.parametrize("stream", ["system", "answer"])
def test_what_the_gateway_says_nobody_else_says(unit: Open, alice: Actor, stream: str) -> None:
    run = make(unit, alice)
    with pytest.raises(Invalid, match="gateway alone"):
        append(unit, alice, run.id, {"message": "x", "stream": stream})


def test_a_nodes_log_and_what_others_add_do_not_disturb_each_other(
    unit: Open, alice: Actor, mine: Tasks, node: PlainNode
) -> None:
    task = mine.in_status("running")
    assert task.run_id is not None
    pieces = [(None, "stdout", now(), text) for text in ("one", "two", "three")]
    for batch in (LogBatch(0, pieces[:2]), LogBatch(0, pieces[:2]), LogBatch(2, pieces[2:])):
        with unit(SYSTEM) as work:
            service_logs.append_from_node(work, service_holding.hold(work.session, task.run_id, node.holder), batch)
        append(unit, alice, task.run_id, "aside")
    assert read(unit, alice, task.run_id) == ["one", "two", "aside", "aside", "three", "aside"]


def test_somebodys_log_is_not_anothers(unit: Open, alice: Actor, bob: Actor, rows: Callable[..., list[Any]]) -> None:
    run = make(unit, alice)
    with pytest.raises(NotFound):
        append(unit, bob, run.id, "theirs")
    assert rows("SELECT 1 FROM run_logs WHERE run_id = :id", id=run.id) == []
