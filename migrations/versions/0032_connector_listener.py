"""One node at a time listens to a connector"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connectors", sa.Column("listener", sa.Uuid(), nullable=True))
    op.add_column("connectors", sa.Column("listener_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("connectors", "listener_until")
    op.drop_column("connectors", "listener")
