"""Audit chain: records by month, numbered without gaps and chained by hashes; signed checkpoints.

The functions are part of the schema: `audit_append` is the only way a record comes in.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PAGE = 1000
"""Existing records that are chained at once."""

RECORDS = """
CREATE TABLE audit_records (
    id uuid NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    time timestamptz NOT NULL,
    actor_id uuid,
    actor text NOT NULL,
    groups text[] NOT NULL,
    roles text[] NOT NULL,
    via text NOT NULL,
    credential_id uuid,
    action text NOT NULL,
    resource_kind text NOT NULL,
    resource_id text,
    project_id uuid,
    decision text NOT NULL,
    reason text NOT NULL,
    rule text,
    request_id text,
    address text,
    CONSTRAINT pk_audit_records PRIMARY KEY (id),
    CONSTRAINT ck_audit_records_decision CHECK (decision IN ('allow', 'deny'))
) PARTITION BY RANGE (id);

CREATE INDEX ix_audit_records_seq ON audit_records (seq);
CREATE INDEX ix_audit_records_actor_id_id ON audit_records (actor_id, id);
CREATE INDEX ix_audit_records_actor_id ON audit_records (actor, id);
CREATE INDEX ix_audit_records_action_id ON audit_records (action text_pattern_ops, id);
CREATE INDEX ix_audit_records_resource_kind_id ON audit_records (resource_kind, id);
CREATE INDEX ix_audit_records_resource_id_id ON audit_records (resource_id, id) WHERE resource_id IS NOT NULL;
CREATE INDEX ix_audit_records_via_id ON audit_records (via, id);
CREATE INDEX ix_audit_records_request_id ON audit_records (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX ix_audit_records_denied ON audit_records (id) WHERE decision = 'deny';
CREATE INDEX ix_audit_records_denied_action ON audit_records (action text_pattern_ops, id) WHERE decision = 'deny';

CREATE TABLE audit_records_default PARTITION OF audit_records DEFAULT;
"""

HEAD = """
CREATE TABLE audit_head (
    id bigint NOT NULL CONSTRAINT pk_audit_head PRIMARY KEY,
    seq bigint NOT NULL,
    hash bytea NOT NULL
) WITH (fillfactor = 10);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));
"""

FIRST_ID = """
-- The smallest UUIDv7 of a moment's millisecond (gateway.core.clock.first_id_at).
CREATE FUNCTION audit_first_id(moment timestamptz) RETURNS uuid LANGUAGE sql STABLE STRICT
RETURN (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid;
"""

ADD_PARTITION = """
-- Adds the partition of a month. Records of that month which had no better place move in from the default partition.
-- Readers wait for this, so it rather fails than keep them waiting; whoever calls tries again later.
CREATE FUNCTION audit_add_partition(month date) RETURNS boolean LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    name text := 'audit_records_' || to_char(month, 'YYYY_MM');
    first_id uuid := audit_first_id(date_trunc('month', month::timestamp) AT TIME ZONE 'UTC');
    end_id uuid := audit_first_id((date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(7340002);
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    LOCK TABLE audit_records_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE %I (LIKE audit_records INCLUDING ALL)', name);
    EXECUTE format(
        'WITH moved AS (DELETE FROM audit_records_default WHERE id >= %L AND id < %L RETURNING *) '
        'INSERT INTO %I SELECT * FROM moved', first_id, end_id, name);
    EXECUTE format('ALTER TABLE audit_records ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   name, first_id, end_id);
    RETURN true;
END $$;
"""

ADD_PARTITIONS = """
-- Adds the partitions of this month and of those that come; returns how many were missing.
CREATE FUNCTION audit_add_partitions(months_ahead integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    made integer := 0;
BEGIN
    FOR step IN 0..months_ahead LOOP
        IF audit_add_partition((date_trunc('month', now() AT TIME ZONE 'UTC') + step * interval '1 month')::date) THEN
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
"""

TEXT = """
-- What the hash of a record covers: a JSON array in which every value has exactly one spelling.
CREATE FUNCTION audit_text(item audit_records) RETURNS text LANGUAGE sql STABLE
RETURN jsonb_build_array(
    item.seq, item.id, to_char(item.time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), item.actor_id,
    item.actor, item.groups, item.roles, item.via, item.credential_id, item.action, item.resource_kind,
    item.resource_id, item.project_id, item.decision, item.reason, item.rule, item.request_id, item.address)::text;
"""

APPEND = """
-- Numbers, chains and stores records, given as a JSON array of objects. The lock on the head, held until the
-- transaction ends, makes the order of numbers that of commits, without gaps.
CREATE FUNCTION audit_append(given jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    head audit_head;
    element jsonb;
    item audit_records;
BEGIN
    SELECT * INTO STRICT head FROM audit_head WHERE id = 1 FOR UPDATE;
    FOR element IN SELECT value FROM jsonb_array_elements(given) LOOP
        item := jsonb_populate_record(NULL::audit_records, element);
        item.seq := head.seq + 1;
        item.hash := sha256(head.hash || convert_to(audit_text(item), 'UTF8'));
        INSERT INTO audit_records SELECT item.*;
        head.seq := item.seq;
        head.hash := item.hash;
    END LOOP;
    UPDATE audit_head SET seq = head.seq, hash = head.hash WHERE id = 1;
END $$;
"""

CHAIN_EXISTING = f"""
DO $$
DECLARE
    month date;
    page jsonb;
BEGIN
    FOR month IN SELECT DISTINCT date_trunc('month', time AT TIME ZONE 'UTC')::date FROM audit_records_before LOOP
        PERFORM audit_add_partition(month);
    END LOOP;
    FOR page IN
        SELECT jsonb_agg(to_jsonb(old) ORDER BY old.id)
          FROM (SELECT *, ARRAY[]::text[] AS groups, (row_number() OVER (ORDER BY id) - 1) / {PAGE} AS page
                  FROM audit_records_before) old
         GROUP BY old.page ORDER BY old.page
    LOOP
        PERFORM audit_append(page);
    END LOOP;
END $$;
"""


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = 0")
    for index in ("action_id", "actor_id_id", "resource_id_id"):
        op.drop_index(f"ix_audit_records_{index}", table_name="audit_records")
    op.execute("ALTER TABLE audit_records RENAME CONSTRAINT pk_audit_records TO pk_audit_records_before")
    op.rename_table("audit_records", "audit_records_before")
    for statement in (RECORDS, HEAD, FIRST_ID, ADD_PARTITION, ADD_PARTITIONS, TEXT, APPEND):
        op.execute(statement)
    op.execute("SELECT audit_add_partitions(3)")
    op.execute(CHAIN_EXISTING)
    op.drop_table("audit_records_before")
    op.create_table(
        "audit_checkpoints",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", postgresql.BYTEA(), nullable=False),
        sa.Column("time", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_checkpoints")),
        sa.UniqueConstraint("seq", "key_id", name=op.f("uq_audit_checkpoints_seq_key_id")),
    )


OLD_COLUMNS = (
    "id, time, actor_id, actor, roles, via, action, resource_kind, resource_id, decision, reason, request_id, address"
)


def downgrade() -> None:
    op.execute("SET LOCAL statement_timeout = 0")
    op.drop_table("audit_checkpoints")
    op.execute(f"CREATE TABLE audit_records_before AS SELECT {OLD_COLUMNS} FROM audit_records")
    for function in (
        "audit_append(jsonb)", "audit_text(audit_records)", "audit_add_partitions(integer)",
        "audit_add_partition(date)", "audit_first_id(timestamptz)",
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION {function}")
    op.drop_table("audit_head")
    op.drop_table("audit_records")
    op.rename_table("audit_records_before", "audit_records")
    for column in OLD_COLUMNS.split(", "):
        if column not in ("actor_id", "resource_id", "request_id", "address"):
            op.alter_column("audit_records", column, nullable=False)
    op.create_primary_key("pk_audit_records", "audit_records", ["id"])
    op.create_check_constraint(op.f("ck_audit_records_decision"), "audit_records", "decision IN ('allow', 'deny')")
    op.create_index("ix_audit_records_action_id", "audit_records", ["action", "id"], unique=False)
    op.create_index("ix_audit_records_actor_id_id", "audit_records", ["actor_id", "id"], unique=False)
    op.create_index("ix_audit_records_resource_id_id", "audit_records", ["resource_id", "id"], unique=False)
