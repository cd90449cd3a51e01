"""Projects"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SEARCH = "to_tsvector('simple', slug || ' ' || display_name || ' ' || description)"


def upgrade() -> None:
    op.add_column("projects", sa.Column("time_zone", sa.Text(), nullable=True))
    op.add_column(
        "projects",
        sa.Column(
            "retention",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
    )
    op.add_column(
        "projects",
        sa.Column("search", postgresql.TSVECTOR(), sa.Computed(SEARCH, persisted=True), nullable=False),
    )
    op.create_index("ix_projects_search", "projects", ["search"], unique=False, postgresql_using="gin")
    # Without these a deletion, which asks what refers to the project, would read both tables as a whole.
    op.create_index("ix_artifacts_project_id_id", "artifacts", ["project_id", "id"], unique=False)
    op.create_index("ix_runs_project_id_id", "runs", ["project_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_runs_project_id_id", table_name="runs")
    op.drop_index("ix_artifacts_project_id_id", table_name="artifacts")
    op.drop_index("ix_projects_search", table_name="projects", postgresql_using="gin")
    op.drop_column("projects", "search")
    op.drop_column("projects", "retention")
    op.drop_column("projects", "time_zone")
