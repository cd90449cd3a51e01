"""The API token that asked for an operation of a connector: what was held is not carried out once it is revoked"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connector_operations", sa.Column("by_token", sa.UUID(), nullable=True))


def downgrade() -> None:
    op.drop_column("connector_operations", "by_token")
