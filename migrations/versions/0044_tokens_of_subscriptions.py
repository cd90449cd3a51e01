"""The API token that subscribed to events: they are sent only while it is in use"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messaging_subscriptions", sa.Column("by_token", sa.UUID(), nullable=True))


def downgrade() -> None:
    op.drop_column("messaging_subscriptions", "by_token")
