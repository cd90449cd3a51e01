"""Transcripts: what is shown holds no secrets, what is for auditors is sealed and asked for, each with its time."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.clock import now
from gateway.core.errors import Conflict, Forbidden
from gateway.core.identity import SYSTEM, Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.features.credentials import service_keys
from gateway.features.runs import service_external as external
from gateway.features.runs.schemas import RunIn
from gateway.features.sessions import service
from gateway.features.sessions import service_transcripts as transcripts
from gateway.features.sessions.models import TranscriptSegment
from gateway.features.sessions.schemas import SegmentIn, SegmentOut, TranscriptQuery, WorkSessionIn
from gateway.features.sessions.service_transcripts import Place
from tests.services.conftest import Open

SECRET = "sk-proj-" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7cF0hL"
OWNER = frozenset({"owner"})


@pytest.fixture
def session_id(unit: Open, alice: Actor) -> uuid.UUID:
    with unit(alice) as work:
        return service.create(work, WorkSessionIn(title="talk")).id


@pytest.fixture
def auditor(alice: Actor) -> Actor:
    """Alice with every right."""
    return Actor(alice.user_id, alice.handle, OWNER, via="test")


def add(unit: Open, actor: Actor, keys: KeyStore, session_id: uuid.UUID, **wish: Any) -> SegmentOut:
    with unit(actor) as work:
        return transcripts.add(work, keys, transcripts.of_session(work, session_id), SegmentIn(**wish))


def read(unit: Open, actor: Actor, keys: KeyStore, session_id: uuid.UUID, kind: str | None = None) -> list[SegmentOut]:
    with unit(actor) as work:
        found = transcripts.visible(work, transcripts.of_session(work, session_id), TranscriptQuery(kind=kind))
        rows = transcripts.paged(work, found, TranscriptQuery()).rows
        return [transcripts.describe(keys, row) for row in rows]


def test_secrets_are_taken_out_of_what_is_shown(
    unit: Open, alice: Actor, keys: KeyStore, session_id: uuid.UUID, rows: Callable[..., list[Any]]
) -> None:
    content = [{"role": "user", "text": f"the key is {SECRET}"}, {"role": "assistant", "text": "thank you"}]
    made = add(unit, alice, keys, session_id, kind="redacted", content=content)
    assert SECRET not in str(made.content)
    assert "SECRET_REDACTED" in str(made.content)
    assert sum(made.redactions.values()) == 1
    assert rows("SELECT 1 FROM transcript_segments WHERE content::text LIKE :x", x=f"%{SECRET}%") == []
    [shown] = read(unit, alice, keys, session_id)
    assert (shown.content, shown.created_by) == (made.content, "alice")


def test_the_audit_view_has_a_right_of_its_own_and_lies_sealed(
    unit: Open, alice: Actor, auditor: Actor, keys: KeyStore, session_id: uuid.UUID, rows: Callable[..., list[Any]]
) -> None:
    made = add(unit, alice, keys, session_id, kind="audit", content={"said": SECRET})
    assert read(unit, alice, keys, session_id) == [], "not even named unless it is asked for"
    with pytest.raises(Forbidden):
        read(unit, alice, keys, session_id, "audit")
    [shown] = read(unit, auditor, keys, session_id, "audit")
    assert (shown.id, shown.content) == (made.id, {"said": SECRET})
    [(plain, ciphertext)] = rows(
        "SELECT content, secret_ciphertext FROM transcript_segments WHERE id = :id", id=made.id
    )
    assert plain is None
    assert SECRET.encode() not in bytes(ciphertext)


def test_the_audit_view_opens_after_the_master_key_was_rotated(
    unit: Open, auditor: Actor, keys: KeyStore, session_id: uuid.UUID
) -> None:
    def rotate() -> int:
        with unit(SYSTEM) as work:
            service_keys.begin_rotation(work, keys)
        with unit(SYSTEM) as work:
            renewed = service_keys.rewrap_some(work, keys, 1000)
        with unit(SYSTEM) as work:
            service_keys.finish_rotation(work, keys)
        return renewed

    rotate()  # a rotation that others left half-way ends here
    add(unit, auditor, keys, session_id, kind="audit", content="before")
    assert rotate() >= 1
    assert [each.content for each in read(unit, auditor, keys, session_id, "audit")] == ["before"]


def test_a_changed_or_moved_segment_opens_no_more(
    unit: Open, auditor: Actor, keys: KeyStore, session_id: uuid.UUID
) -> None:
    one = add(unit, auditor, keys, session_id, kind="audit", content="one")
    other = add(unit, auditor, keys, session_id, kind="audit", content="other")
    with unit(SYSTEM) as work:
        rows = [work.session.get_one(TranscriptSegment, each.id) for each in (one, other)]
        rows[0].secret_ciphertext, rows[0].secret_key = rows[1].secret_ciphertext, rows[1].secret_key
    with pytest.raises(Conflict, match="behind the gateway's back"):
        read(unit, auditor, keys, session_id, "audit")
    with unit(SYSTEM) as work:  # or no rotation of the master key in later tests comes to its end
        work.session.delete(work.session.get_one(TranscriptSegment, one.id))


def test_a_segment_goes_when_its_time_is_over(
    unit: Open, alice: Actor, keys: KeyStore, session_id: uuid.UUID, rows: Callable[..., list[Any]]
) -> None:
    brief = add(unit, alice, keys, session_id, kind="summary", content="brief", retention={"days": 1})
    kept = add(unit, alice, keys, session_id, kind="summary", content="kept")
    assert brief.retention == {"days": 1}
    assert brief.expires_at == brief.created_at + timedelta(days=1)
    with unit(SYSTEM) as work:
        work.session.get_one(TranscriptSegment, brief.id).expires_at = now() - timedelta(seconds=1)
    assert [each.id for each in read(unit, alice, keys, session_id)] == [kept.id], "hidden at once"
    with unit(SYSTEM) as work:
        transcripts.purge(work, 100)
    assert rows("SELECT id FROM transcript_segments WHERE session_id = :id", id=session_id) == [(kept.id,)]


def test_a_sessions_transcript_takes_in_that_of_its_runs(
    unit: Open, alice: Actor, keys: KeyStore, session_id: uuid.UUID
) -> None:
    add(unit, alice, keys, session_id, kind="summary", content="of the session")
    with unit(alice) as work:
        run = external.create(work, RunIn(session_id=session_id))
        place = Place(run.owner_id, run.project_id, session_id, run.id)
        transcripts.add(work, keys, place, SegmentIn(kind="summary", content="of the run"))
    assert [each.content for each in read(unit, alice, keys, session_id)] == ["of the session", "of the run"]
    with unit(alice) as work:
        of_run = work.session.scalars(transcripts.visible(work, place, TranscriptQuery())).all()
    assert [each.content for each in of_run] == ["of the run"]


def test_who_only_looks_adds_nothing(unit: Open, charlie: Actor, keys: KeyStore) -> None:
    place = Place(charlie.user_id, None, run_id=uuid.uuid4())
    with pytest.raises(Forbidden), unit(charlie) as work:
        transcripts.add(work, keys, place, SegmentIn(kind="summary", content="x"))


def test_the_end_of_a_transcript_is_read_at_once(
    unit: Open, alice: Actor, keys: KeyStore, session_id: uuid.UUID
) -> None:
    for text in ("first", "second", "third"):
        add(unit, alice, keys, session_id, kind="summary", content=text)
    wanted = TranscriptQuery(kind="summary", tail=True, limit=2)
    with unit(alice) as work:
        found = transcripts.visible(work, transcripts.of_session(work, session_id), wanted)
        page = transcripts.paged(work, found, wanted)
    assert ([row.content for row in page.rows], page.next_cursor) == (["second", "third"], None)
