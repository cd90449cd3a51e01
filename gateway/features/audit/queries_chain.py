"""The chain, recomputed by the database a stretch at a time.

Each statement spells out what is hashed, rather than call the function that wrote it: whoever can change records
can change functions as well.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_LINE = """pg_catalog.convert_to(pg_catalog.jsonb_build_array({seq}, id,
        pg_catalog.to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor_id, actor, groups, roles,
        via, credential_id, action, resource_kind, resource_id, project_id, decision, reason, rule, request_id,
        address)::text, 'UTF8')"""

_WALKED = f"""
    SELECT id, seq, time, hash,
           pg_catalog.lag(seq, 1, CAST(:after AS bigint)) OVER places + 1 AS expected,
           pg_catalog.lag(hash, 1, CAST(:hash AS bytea)) OVER places AS hash_before,
           {_LINE.format(seq="seq")} AS line
      FROM audit_records
     WHERE seq > :after AND seq <= :up_to
    WINDOW places AS (ORDER BY seq, id)
"""

_STRETCH = text(f"""
    SELECT count(*), (array_agg(hash ORDER BY seq DESC, id DESC))[1], max(seq),
           bool_or(seq <> expected OR hash <> pg_catalog.sha256(hash_before || line))
      FROM ({_WALKED}) walked
""")

_FIRST_BAD = text(f"""
    SELECT id, seq, time, hash, expected, hash_before,
           (SELECT count(*) FROM audit_records earlier WHERE earlier.seq > :after AND earlier.seq < walked.seq)
      FROM ({_WALKED}) walked
     WHERE seq <> expected OR hash <> pg_catalog.sha256(hash_before || line)
     ORDER BY seq, id LIMIT 1
""")

_TRUE_ONE = text(f"""
    SELECT seq FROM audit_records
     WHERE seq BETWEEN :seq - :reach AND :seq + :reach AND id <> :id
       AND pg_catalog.sha256(CAST(:hash_before AS bytea) || {_LINE.format(seq="CAST(:seq AS bigint)")})
           IN (hash, CAST(:hash AS bytea))
     LIMIT 1
""")

_STRAY = text("""
    SELECT id, seq, time FROM audit_records
     WHERE seq < 1 OR seq > (SELECT coalesce(max(seq), 0) FROM audit_head)
     ORDER BY seq LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What recomputing a stretch gave: how many records, the last one's hash and number, whether all is well."""

    count: int
    hash: bytes | None
    seq: int | None
    bad: bool


@dataclass(frozen=True, slots=True)
class Bad:
    """The first record of a stretch that does not follow from the one before it."""

    id: uuid.UUID
    seq: int
    time: datetime
    hash: bytes
    expected: int
    hash_before: bytes
    count_before: int


def stretch(session: Session, after: int, hash_before: bytes, up_to: int) -> Stretch:
    """Recomputes the records numbered above `after` up to `up_to`, given the hash of number `after`."""
    row = session.execute(_STRETCH, {"after": after, "hash": hash_before, "up_to": up_to}).one()
    return Stretch(row[0], row[1], row[2], bool(row[3]))


def first_bad(session: Session, after: int, hash_before: bytes, up_to: int) -> Bad | None:
    """The first record of a stretch that does not fit."""
    row = session.execute(_FIRST_BAD, {"after": after, "hash": hash_before, "up_to": up_to}).one_or_none()
    return Bad(*row) if row is not None else None


def true_one(session: Session, bad: Bad, reach: int) -> int | None:
    """The number under which the record now stands that belongs in the place of `bad`, looked for `reach` around."""
    wanted = {"seq": bad.expected, "id": bad.id, "hash": bad.hash, "hash_before": bad.hash_before, "reach": reach}
    number: int | None = session.scalar(_TRUE_ONE, wanted)
    return number


def stray(session: Session) -> tuple[uuid.UUID, int, datetime] | None:
    """A record whose number lies outside the chain."""
    row = session.execute(_STRAY).one_or_none()
    return (row[0], row[1], row[2]) if row is not None else None
