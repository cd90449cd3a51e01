"""Where a message's words come from, when that is outside: whoever goes on with the chat is fed by it"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("chat_messages", sa.Column("source", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("chat_messages", "source")
