"""The program that a model acted by when it had a port forwarded: rules about it go on counting"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("process_ports", sa.Column("through", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("process_ports", "through")
