"""Answers to hooks that go through a connector"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, kind in (("connector_id", sa.Uuid()), ("channel", sa.Text()), ("thread", sa.Text()),
                       ("said", sa.LargeBinary())):  # fmt: skip
        op.add_column("hook_replies", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for name in ("said", "thread", "channel", "connector_id"):
        op.drop_column("hook_replies", name)
