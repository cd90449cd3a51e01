"""No two members of a group have the same id in another system: whoever syncs them finds one by it."""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

# Of members that shared one, none can be told to be the one meant but the first that got it.
KEEP_THE_FIRST = """
UPDATE group_members AS later SET external_id = NULL
 WHERE EXISTS (SELECT FROM group_members AS first
                WHERE first.group_id = later.group_id AND first.external_id = later.external_id
                  AND (first.added_at, first.user_id) < (later.added_at, later.user_id))
"""
INDEX = "uq_group_members_group_id_external_id"


def upgrade() -> None:
    op.execute(KEEP_THE_FIRST)
    op.create_index(INDEX, "group_members", ["group_id", "external_id"], unique=True)


def downgrade() -> None:
    op.drop_index(INDEX, table_name="group_members")
