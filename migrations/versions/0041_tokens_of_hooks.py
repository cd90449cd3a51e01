"""The API token that made a hook: what the hook does has no more rights than it"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hooks", sa.Column("by_token", sa.UUID(), nullable=True))


def downgrade() -> None:
    op.drop_column("hooks", "by_token")
