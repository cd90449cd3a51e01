"""Verifies the chain: every record against the one before it, then the signed checkpoints against the records."""

from dataclasses import dataclass

from gateway.core.audit import ORIGIN
from gateway.core.errors import Invalid
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import queries, queries_chain
from .schemas import CheckpointsChecked, FirstBad, PublicKey, Verification
from .signer import Mark, Sessions, Signer

STRETCH = 10_000
"""Records that one statement recomputes: far below its time limit, and little memory."""

CHECKPOINTS = 1000


@dataclass(frozen=True, slots=True)
class _Walk:
    checked: int
    seq: int
    hash: bytes
    bad: FirstBad | None


def verify(work: Work, sessions: Sessions, signer: Signer, since: int = 0) -> Verification:
    """Verifies the records after number `since` (0: all), up to the newest at the time of the call.

    Every statement is a transaction of its own: verifying millions of records takes minutes. Raises Invalid for a
    `since` that is no record's number.
    """
    work.allow("audit.verify", Resource("audit"))
    walk = _walk(sessions, since)
    checked, bad = _hold_against(sessions, signer, since, walk.bad)
    key = PublicKey(key_id=signer.key_id, public_key=signer.public_key.hex())
    return Verification(
        ok=bad is None, checked=walk.checked, seq=walk.seq, hash=walk.hash.hex(), first_bad=bad,
        checkpoints=checked, key=key,
    )  # fmt: skip


def _walk(sessions: Sessions, since: int) -> _Walk:
    seq, hash_before, checked = since, ORIGIN, 0
    with sessions() as session:
        head = queries.head(session)
        if since:
            stored = queries.hash_of(session, since)
            if stored is None:
                raise Invalid.field("since", "no record has this number")
            hash_before = stored
    last_seq, last_hash = (head.seq, head.hash) if head is not None else (0, ORIGIN)
    while seq < last_seq:
        up_to = min(seq + STRETCH, last_seq)
        with sessions() as session:
            found = queries_chain.stretch(session, seq, hash_before, up_to)
            if found.bad:
                first = queries_chain.first_bad(session, seq, hash_before, up_to)
                if first is not None:
                    bad = _judged(first, queries_chain.true_one(session, first, STRETCH))
                    return _Walk(checked + first.count_before, first.expected - 1, first.hash_before, bad)
        checked += found.count
        if found.seq is None or found.hash is None or found.seq < up_to:
            seq = found.seq or seq
            return _Walk(checked, seq, found.hash or hash_before, _removed(seq + 1))
        seq, hash_before = up_to, found.hash
    return _Walk(checked, seq, hash_before, _beyond_the_end(sessions, seq, hash_before, last_seq, last_hash))


def _beyond_the_end(
    sessions: Sessions, seq: int, last: bytes, head_seq: int, head_hash: bytes
) -> FirstBad | None:  # fmt: skip
    """What is wrong at the end of a chain that holds up to `seq`."""
    if seq == head_seq and last != head_hash:
        return FirstBad(seq=seq, problem="changed", detail="The newest record is not the one that was written.")
    with sessions() as session:
        stray = queries_chain.stray(session)
    if stray is None:
        return None
    return FirstBad(
        id=stray[0], seq=stray[1], time=stray[2], problem="inserted",
        detail="A record has a number that was never given out.",
    )  # fmt: skip


def _judged(bad: queries_chain.Bad, stands_at: int | None) -> FirstBad:
    """What happened to the first record that does not fit, as far as it can be told."""
    if stands_at is None and bad.seq > bad.expected:
        return _removed(bad.expected)
    if bad.seq < bad.expected or stands_at == bad.expected:
        problem, detail = "inserted", "Two records have this number."
    elif stands_at is not None:
        problem, detail = "reordered", f"The record that belongs here has number {stands_at}."
    else:
        problem, detail = "changed", "The record is not as it was written, or another stands in its place."
    return FirstBad.model_validate(
        {"id": bad.id, "seq": min(bad.seq, bad.expected), "time": bad.time, "problem": problem, "detail": detail}
    )


def _removed(seq: int) -> FirstBad:
    return FirstBad(seq=seq, problem="removed", detail="The record with this number is gone.")


def _hold_against(
    sessions: Sessions, signer: Signer, since: int, bad: FirstBad | None
) -> tuple[CheckpointsChecked, FirstBad | None]:
    """Holds every checkpoint against the records; returns the counts, and what is the first thing wrong then."""
    checked, unknown, after, newest = 0, 0, since, None
    while True:
        with sessions() as session:
            page = queries.checkpoints(session, after, CHECKPOINTS)
        for found in page:
            after = found.checkpoint.seq
            if found.checkpoint.key_id != signer.key_id:
                unknown += 1
                continue
            mark = Mark(after, found.checkpoint.hash, found.checkpoint.time)
            genuine = signer.signed(mark, found.checkpoint.signature)
            bad = _earlier(bad, _contradiction(mark, found.hash, genuine=genuine))
            checked, newest = checked + 1, after
        if len(page) < CHECKPOINTS:
            break
    bad = _earlier(bad, _kept_contradiction(sessions, signer))
    return CheckpointsChecked(checked=checked, unknown_key=unknown, newest_seq=newest), bad


def _kept_contradiction(sessions: Sessions, signer: Signer) -> FirstBad | None:
    """What the checkpoint beside the key says against the records."""
    try:
        mark = signer.newest()
    except ValueError as error:
        return FirstBad(
            seq=0, problem="checkpoint", detail=f"The checkpoint in the data directory cannot be used: {error}."
        )
    if mark is None:
        return None
    with sessions() as session:
        return _contradiction(mark, queries.hash_of(session, mark.seq), genuine=True)


def _contradiction(mark: Mark, stored: bytes | None, *, genuine: bool) -> FirstBad | None:
    if not genuine:
        detail = "A checkpoint of this record was changed: its signature does not fit."
    elif stored is None:
        detail = "A checkpoint was signed for this record, which is gone."
    elif stored != mark.hash:
        detail = "A checkpoint was signed for another record with this number: the chain was computed anew."
    else:
        return None
    problem = "removed" if genuine and stored is None else "checkpoint"
    return FirstBad.model_validate({"seq": mark.seq, "time": mark.time, "problem": problem, "detail": detail})


def _earlier(left: FirstBad | None, right: FirstBad | None) -> FirstBad | None:
    if left is None or right is None:
        return left or right
    return right if right.seq < left.seq else left
