"""The audit chain: gap-free under many writers, and every way of tampering with it is found."""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.core import audit
from gateway.core.clock import first_id_at, new_id
from gateway.core.database import Database
from gateway.core.driver.commits import commit_with
from gateway.core.errors import Forbidden, Invalid
from gateway.core.identity import SYSTEM, Actor
from gateway.core.policy import Resource
from gateway.core.rights import BUILT_IN, Grant, Rights
from gateway.features.audit import service, service_verify
from gateway.features.audit.schemas import AuditOut, FirstBad, Verification
from gateway.features.audit.signer import Mark, Signer
from tests.services.conftest import Open

Rows = Callable[..., list[Any]]
TABLES = ("audit_records", "audit_head", "audit_checkpoints")


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path)


@pytest.fixture
def run(database: Database) -> Callable[..., None]:
    """Changes the database behind the gateway's back."""

    def run(*statements: str, **values: Any) -> None:
        with database.engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement), values)

    return run


@pytest.fixture
def mended(run: Callable[..., None]) -> Iterator[None]:
    """Puts everything back as it was, whatever the test did to it."""
    run(*(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}" for table in TABLES))
    yield
    run(
        f"TRUNCATE {', '.join(TABLES)}",
        *(f"INSERT INTO {table} SELECT * FROM kept_{table}" for table in TABLES),
        *(f"DROP TABLE kept_{table}" for table in TABLES),
    )


@pytest.fixture
def verify(database: Database, unit: Open, signer: Signer) -> Callable[..., Verification]:
    """Verifies as the system, which leaves no record of its own before it has looked."""

    def verify(since: int = 0) -> Verification:
        with unit(SYSTEM) as work:
            return service_verify.verify(work, database.sessions, signer, since)

    return verify


def write(unit: Open, actor: Actor, count: int) -> None:
    """Leaves that many records, five in each unit of work."""
    for first in range(0, count, 5):
        with unit(actor) as work:
            for number in range(first, min(first + 5, count)):
                work.allow("tasks.read", Resource("tasks", f"number-{number}"))


def sign(unit: Open, signer: Signer) -> Mark | None:
    with unit(SYSTEM) as work:
        return service.checkpoint(work, signer)


def newest(rows: Rows) -> int:
    [(seq,)] = rows("SELECT seq FROM audit_head")
    return int(seq)


def recompute(connection_run: Callable[..., None], first: int) -> None:
    """What a forger does: makes all hashes from number `first` on fit again, with the database's own function."""
    connection_run(
        f"""DO $$
        DECLARE
            item audit_records;
            before bytea := coalesce((SELECT hash FROM audit_records WHERE seq = {first - 1}),
                                     decode(repeat('00', 32), 'hex'));
        BEGIN
            FOR item IN SELECT * FROM audit_records WHERE seq >= {first} ORDER BY seq LOOP
                before := sha256(before || convert_to(audit_text(item), 'UTF8'));
                UPDATE audit_records SET hash = before WHERE id = item.id;
            END LOOP;
            UPDATE audit_head SET hash = before, seq = (SELECT max(seq) FROM audit_records);
        END $$"""
    )


def test_a_whole_chain_verifies_and_each_record_is_counted(
    unit: Open, alice: Actor, rows: Rows, verify: Callable[..., Verification], signer: Signer
) -> None:
    write(unit, alice, 12)
    mark = sign(unit, signer)
    seq = newest(rows)
    found = verify()
    assert (found.ok, found.first_bad) == (True, None)
    assert (found.checked, found.seq) == (seq, seq)
    assert mark is not None
    assert (found.checkpoints.checked, found.checkpoints.newest_seq) == (1, mark.seq)


def test_verifying_works_in_stretches(
    monkeypatch: pytest.MonkeyPatch, unit: Open, alice: Actor, rows: Rows, verify: Callable[..., Verification]
) -> None:
    monkeypatch.setattr(service_verify, "STRETCH", 7)
    write(unit, alice, 20)
    seq = newest(rows)
    assert (verify().ok, verify(seq - 9).checked) == (True, 9 + 1)  # the first call has left a record
    with pytest.raises(Invalid):
        verify(seq + 1000)


def test_a_hash_is_what_the_documentation_says(unit: Open, alice: Actor, rows: Rows, database: Database) -> None:
    """Computed here from what the API shows, as anyone with an export can."""
    odd = 'ü "quoted" \\ back\nslash\t\x07\x7f €'
    actor = Actor(
        alice.user_id, "alice", frozenset({"member", "viewer"}), via="test", credential_id=new_id(),
        address="127.0.0.1", rights=Rights((Grant(BUILT_IN["member"]),), groups=("ärzte", "zoo")),
    )  # fmt: skip
    with unit(actor) as work:
        work.record("tasks.read", Resource("tasks", odd, project_id=new_id()), allowed=True, reason=odd)
    with database.sessions() as session:
        last = session.query(audit.AuditRecord).order_by(audit.AuditRecord.seq.desc()).limit(2).all()
    shown, before = (AuditOut.model_validate(record).model_dump(mode="json") for record in last)
    names = ["seq", "id", "time", "actor_id", "actor", "groups", "roles", "via", "credential_id", "action"]
    line = [*(shown[name] for name in names), shown["resource"]["kind"], shown["resource"]["id"]]
    line += [shown[name] for name in ("project_id", "decision", "reason", "rule", "request_id", "address")]
    covered = bytes.fromhex(before["hash"]) + json.dumps(line, ensure_ascii=False).encode()
    assert hashlib.sha256(covered).hexdigest() == shown["hash"]


def test_fifty_writers_at_once_leave_one_chain_without_gaps(
    unit: Open, alice: Actor, rows: Rows, verify: Callable[..., Verification]
) -> None:
    start = newest(rows)

    def write_some(number: int) -> int:
        left = 0
        for turn in range(4):
            with suppress(Forbidden, ZeroDivisionError), unit(alice) as work:
                work.allow("tasks.read", Resource("tasks", str(number)))
                work.emit("test.mark", owner_id=alice.user_id)
                if turn == 1:
                    raise ZeroDivisionError  # leaves nothing
                if turn == 2:
                    left += 1
                    work.allow("users.create", Resource("users"))  # leaves the denial alone
                left += 1
        return left

    with ThreadPoolExecutor(50) as pool:
        written = sum(pool.map(write_some, range(50)))
    numbers = [seq for (seq,) in rows("SELECT seq FROM audit_records WHERE seq > :start ORDER BY seq", start=start)]
    assert numbers == list(range(start + 1, start + 1 + written))
    assert verify().ok


TAMPERING: dict[str, tuple[list[str], str, int]] = {
    "a changed reason": (["UPDATE audit_records SET reason = 'role owner' WHERE seq = :n"], "changed", 0),
    "a changed decision": (["UPDATE audit_records SET decision = 'deny' WHERE seq = :n"], "changed", 0),
    "a changed actor": (["UPDATE audit_records SET actor = 'bob' WHERE seq = :n"], "changed", 0),
    "a changed time": (["UPDATE audit_records SET time = time - interval '1 us' WHERE seq = :n"], "changed", 0),
    "a dropped address": (["UPDATE audit_records SET address = 'x' WHERE seq = :n"], "changed", 0),
    "changed roles": (["UPDATE audit_records SET roles = '{owner}' WHERE seq = :n"], "changed", 0),
    "changed groups": (["UPDATE audit_records SET groups = '{admins}' WHERE seq = :n"], "changed", 0),
    "a changed hash": (["UPDATE audit_records SET hash = sha256('x') WHERE seq = :n"], "changed", 0),
    "a removed record": (["DELETE FROM audit_records WHERE seq = :n"], "removed", 0),
    "several removed": (["DELETE FROM audit_records WHERE seq BETWEEN :n AND :n + 2"], "removed", 0),
    "the first records removed": (["DELETE FROM audit_records WHERE seq < :n"], "removed", None),
    "the last records removed": (["DELETE FROM audit_records WHERE seq > :last - 3"], "removed", -2),
    "everything removed": (["DELETE FROM audit_records"], "removed", None),
    "two swapped by number": (
        ["UPDATE audit_records SET seq = CASE seq WHEN :n THEN :n + 2 ELSE :n END WHERE seq IN (:n, :n + 2)"],
        "reordered", 0,
    ),
    "two swapped with their hashes": (
        ["""UPDATE audit_records SET seq = other.seq, hash = other.hash FROM audit_records other
             WHERE (audit_records.seq, other.seq) IN ((:n, :n + 2), (:n + 2, :n))"""],
        "reordered", 0,
    ),
    "a copy put in": (
        ["""INSERT INTO audit_records SELECT (jsonb_populate_record(r, jsonb_build_object('id', CAST(:id AS text)))).*
              FROM audit_records r WHERE seq = :n"""],
        "inserted", 0,
    ),
    "one put in after the end": (
        ["""INSERT INTO audit_records SELECT (jsonb_populate_record(r,
                   jsonb_build_object('id', CAST(:id AS text), 'seq', :last + 1))).*
              FROM audit_records r WHERE seq = :n"""],
        "inserted", None,
    ),
    "one put in before the start": (
        ["UPDATE audit_records SET seq = 0 WHERE seq = :last", "UPDATE audit_head SET seq = seq - 1"], "changed", None,
    ),
    "the last record changed with its hash": (
        ["UPDATE audit_records SET reason = 'forged' WHERE seq = :last",
         """UPDATE audit_records r SET hash = sha256((SELECT hash FROM audit_records WHERE seq = :last - 1)
                || convert_to(audit_text(r), 'UTF8')) WHERE seq = :last"""],
        "changed", None,
    ),
}  # fmt: skip


@pytest.mark.usefixtures("mended")
@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_is_found(
    how: str, unit: Open, alice: Actor, rows: Rows, run: Callable[..., None], verify: Callable[..., Verification]
) -> None:
    write(unit, alice, 12)
    last = newest(rows)
    n = last - 7
    statements, problem, offset = TAMPERING[how]
    for statement in statements:
        wanted = {"n": n, "last": last, "id": str(new_id())}
        run(statement, **{name: value for name, value in wanted.items() if f":{name}" in statement})
    found = verify()
    assert found.ok is False
    assert found.first_bad is not None
    assert found.first_bad.problem == problem, found.first_bad
    if offset is not None:
        assert found.first_bad.seq == (n if offset == 0 else last + offset)
    assert found.first_bad.detail


@pytest.mark.usefixtures("mended")
def test_a_chain_computed_anew_contradicts_its_checkpoint_and_is_never_signed(
    unit: Open, alice: Actor, rows: Rows, run: Callable[..., None], verify: Callable[..., Verification], signer: Signer
) -> None:
    write(unit, alice, 12)
    mark = sign(unit, signer)
    assert mark is not None
    write(unit, alice, 5)
    run("UPDATE audit_records SET reason = 'forged' WHERE seq = :n", n=mark.seq - 4)
    recompute(run, mark.seq - 4)
    assert bad_of(verify()).problem == "checkpoint"
    assert bad_of(verify()).seq == mark.seq
    assert sign(unit, signer) is None
    forged = "UPDATE audit_checkpoints SET hash = (SELECT hash FROM audit_records WHERE seq = :n) WHERE seq = :n"
    run(forged, n=mark.seq)
    assert bad_of(verify()).problem == "checkpoint", "nor does a changed checkpoint help"
    run("DELETE FROM audit_checkpoints")
    assert bad_of(verify()).problem == "checkpoint", "nor a removed one: the newest lies beside the key"
    assert sign(unit, signer) is None


@pytest.mark.usefixtures("mended")
def test_a_chain_cut_back_with_its_checkpoints_is_found(
    unit: Open, alice: Actor, rows: Rows, run: Callable[..., None], verify: Callable[..., Verification], signer: Signer
) -> None:
    write(unit, alice, 10)
    mark = sign(unit, signer)
    assert mark is not None
    run(
        "DELETE FROM audit_records WHERE seq > :n - 5",
        "DELETE FROM audit_checkpoints",
        "UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit_records ORDER BY seq DESC LIMIT 1)",
        n=mark.seq,
    )
    bad = bad_of(verify())
    assert (bad.problem, bad.seq) == ("removed", mark.seq)


def test_only_new_records_are_signed_and_by_one_key_beside_the_database(
    unit: Open, alice: Actor, rows: Rows, signer: Signer, tmp_path: Path, verify: Callable[..., Verification]
) -> None:
    write(unit, alice, 3)
    first = sign(unit, signer)
    assert first is not None
    assert sign(unit, signer) is None, "nothing new"
    write(unit, alice, 1)
    second = sign(unit, signer)
    assert second is not None
    assert second.seq == first.seq + 1
    assert Signer(tmp_path).newest() == second
    assert oct((tmp_path / "audit.key").stat().st_mode & 0o777) == "0o600"
    other = tmp_path / "other"
    other.mkdir()
    assert sign(unit, Signer(other)) is not None
    checkpoints = verify().checkpoints
    assert (checkpoints.checked, checkpoints.newest_seq) == (2, second.seq)
    assert checkpoints.unknown_key >= 1


def test_a_damaged_checkpoint_beside_the_key_is_reported(
    unit: Open, alice: Actor, signer: Signer, tmp_path: Path, verify: Callable[..., Verification]
) -> None:
    write(unit, alice, 1)
    assert sign(unit, signer) is not None
    file = tmp_path / "audit_checkpoint.json"
    for damage in ("{}", "no json", file.read_text().replace('"seq": ', '"seq": 1')):
        file.write_text(damage)
        assert bad_of(verify()).problem == "checkpoint", damage


def test_partitions_are_made_ahead_and_take_in_what_came_before_them(
    unit: Open, rows: Rows, run: Callable[..., None], verify: Callable[..., Verification]
) -> None:
    names = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_records'::regclass"
    with unit(SYSTEM) as work:
        service.add_partitions(work)
    [(before,)] = rows(names)
    assert before >= service.MONTHS_AHEAD + 2, "this month, those that come, and the default one"
    with unit(SYSTEM) as work:
        assert service.add_partitions(work) == 0
    early = first_id_at(datetime(2001, 2, 3, tzinfo=UTC))
    with unit(SYSTEM) as work:
        row = audit.audit_row(
            SYSTEM, "tasks.read", Resource("tasks"), allowed=True, reason="a clock far behind", request_id=None
        )
        commit_with(work.session, [audit.appended([row | {"id": early}])])
    where = "SELECT tableoid::regclass::text FROM audit_records WHERE id = :id"
    assert rows(where, id=early) == [("audit_records_default",)]
    run("SELECT audit_add_partition('2001-02-01')")
    assert rows(where, id=early) == [("audit_records_2001_02",)]
    assert verify().ok


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:00Z", "2026-11-01T00:00:00Z", "2033-05-18T03:33:20.123Z"])
def test_partitions_begin_where_ids_of_their_month_begin(moment: str, rows: Rows) -> None:
    [(first,)] = rows("SELECT audit_first_id(CAST(:moment AS timestamptz))", moment=moment)
    assert first == first_id_at(datetime.fromisoformat(moment))


def test_a_rollback_leaves_the_chain_with_the_denials_only(
    unit: Open, alice: Actor, rows: Rows, verify: Callable[..., Verification]
) -> None:
    start = newest(rows)

    def ask_for_too_much() -> None:
        with unit(alice) as work:
            work.allow("tasks.read", Resource("tasks"))
            work.allow("users.create", Resource("users"))

    with pytest.raises(Forbidden):
        ask_for_too_much()
    assert rows("SELECT action, decision FROM audit_records WHERE seq > :start", start=start) == [
        ("users.create", "deny")
    ]
    assert verify().ok


def test_only_who_may_verifies(unit: Open, alice: Actor, database: Database, signer: Signer) -> None:
    with pytest.raises(Forbidden), unit(alice) as work:
        service_verify.verify(work, database.sessions, signer)


def bad_of(found: Verification) -> FirstBad:
    assert found.ok is False
    assert found.first_bad is not None
    return found.first_bad


def test_ids_are_part_of_what_is_hashed(
    mended: None, unit: Open, alice: Actor, rows: Rows, run: Callable[..., None], verify: Callable[..., Verification]
) -> None:
    write(unit, alice, 2)
    run("UPDATE audit_records SET id = :id WHERE seq = :seq", id=uuid.UUID(int=new_id().int ^ 1), seq=newest(rows))
    assert bad_of(verify()).problem == "changed"
