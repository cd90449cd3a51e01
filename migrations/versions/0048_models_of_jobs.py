"""Which model a job asked, since the default changes"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("model", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "model")
