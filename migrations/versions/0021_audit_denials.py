"""Denials of one actor and of one room, found without a walk through all denials"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

INDEXES = {"actor": "actor, id", "actor_id": "actor_id, id", "action": "action text_pattern_ops, id"}
ROOM = "split_part(action, '.', 1)"

# Without them an index on an expression looks as if each of its values were as rare as any: rows are then read all,
# and sorted. New partitions copy them from the parent.
ADD_STATISTICS = f"""
DO $$
DECLARE
    part text;
BEGIN
    CREATE STATISTICS audit_records_room ON ({ROOM}) FROM audit_records;
    FOR part IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_records'::regclass LOOP
        EXECUTE format($sql$CREATE STATISTICS %I ON ({ROOM}) FROM %I$sql$, part || '_room', part);
    END LOOP;
END $$
"""

DROP_STATISTICS = """
DO $$
DECLARE
    found text;
BEGIN
    FOR found IN
        SELECT quote_ident(stxname) FROM pg_statistic_ext
         WHERE stxrelid = 'audit_records'::regclass
            OR stxrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit_records'::regclass)
    LOOP
        EXECUTE 'DROP STATISTICS ' || found;
    END LOOP;
END $$
"""


def upgrade() -> None:
    _index_denials("decision <> 'allow'")
    op.execute(f"CREATE INDEX ix_audit_records_denied_room ON audit_records ({ROOM}, id) WHERE decision <> 'allow'")
    op.execute(ADD_STATISTICS)


def downgrade() -> None:
    op.execute(DROP_STATISTICS)
    op.execute("DROP INDEX ix_audit_records_denied_room")
    _index_denials("decision = 'deny'")


def _index_denials(condition: str) -> None:
    for name, columns in INDEXES.items():
        op.execute(f"DROP INDEX ix_audit_records_denied_{name}")
        op.execute(f"CREATE INDEX ix_audit_records_denied_{name} ON audit_records ({columns}) WHERE {condition}")
