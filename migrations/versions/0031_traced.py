"""Messages, deliveries and events are found by what they came of, and tombstones by their age"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_chat_messages_task_id", "chat_messages", ["task_id"], unique=False,
        postgresql_where=sa.text("task_id IS NOT NULL"),
    )  # fmt: skip
    op.create_index("ix_messaging_deliveries_event_seq", "messaging_deliveries", ["event_seq"], unique=False)
    op.create_index(
        "ix_events_of_tools", "events", ["run_id"], unique=False,
        postgresql_where=sa.text("task_id IS NULL AND run_id IS NOT NULL"),
    )  # fmt: skip
    op.create_index("ix_tombstones_id", "tombstones", ["id"], unique=False)
    op.create_index("ix_tombstones_project_id_id", "tombstones", ["project_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_tombstones_project_id_id", table_name="tombstones")
    op.drop_index("ix_tombstones_id", table_name="tombstones")
    op.drop_index("ix_events_of_tools", table_name="events")
    op.drop_index("ix_messaging_deliveries_event_seq", table_name="messaging_deliveries")
    op.drop_index("ix_chat_messages_task_id", table_name="chat_messages")
