"""Access: groups, roles, bindings, rules; the role of a user becomes a binding"""

import uuid

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# From the most to the least.
ROLES = ("owner", "admin", "operator", "member", "viewer")


def _common() -> tuple[sa.Column, ...]:
    return (
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "access_version",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_version")),
    )
    op.create_table(
        "groups",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        *_common(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("name", name=op.f("uq_groups_name")),
        sa.UniqueConstraint("external_id", name=op.f("uq_groups_external_id")),
    )
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("added_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_group_members_group_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_group_members_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_group_members")),
    )
    op.create_index("ix_group_members_user_id", "group_members", ["user_id"])
    op.create_table(
        "roles",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("actions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("reach", sa.Text(), nullable=False),
        sa.Column("is_builtin", sa.Boolean(), nullable=False),
        *_common(),
        sa.CheckConstraint("reach IN ('own', 'all')", name=op.f("ck_roles_reach")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roles")),
        sa.UniqueConstraint("name", name=op.f("uq_roles_name")),
    )
    op.create_table(
        "role_bindings",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=True),
        sa.Column("group_id", sa.UUID(), nullable=True),
        sa.Column("role_id", sa.UUID(), nullable=False),
        sa.Column("project_id", sa.UUID(), nullable=True),
        *_common(),
        sa.CheckConstraint("num_nonnulls(user_id, group_id) = 1", name=op.f("ck_role_bindings_subject")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_role_bindings_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_role_bindings_group_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name=op.f("fk_role_bindings_role_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_role_bindings_project_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_bindings")),
        sa.UniqueConstraint(
            "user_id", "group_id", "role_id", "project_id",
            name=op.f("uq_role_bindings_user_id_group_id_role_id_project_id"), postgresql_nulls_not_distinct=True,
        ),
    )  # fmt: skip
    for column in ("group_id", "role_id", "project_id"):
        op.create_index(f"ix_role_bindings_{column}", "role_bindings", [column])
    op.create_table(
        "policy_rules",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=True),
        sa.Column("group_id", sa.UUID(), nullable=True),
        sa.Column("role_id", sa.UUID(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("conditions", postgresql.JSONB(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        *_common(),
        sa.CheckConstraint("effect IN ('allow', 'deny')", name=op.f("ck_policy_rules_effect")),
        sa.CheckConstraint("num_nonnulls(user_id, group_id, role_id) <= 1", name=op.f("ck_policy_rules_subject")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_policy_rules_user_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_policy_rules_group_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name=op.f("fk_policy_rules_role_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_rules")),
        sa.UniqueConstraint("name", name=op.f("uq_policy_rules_name")),
    )
    for column in ("user_id", "group_id", "role_id"):
        op.create_index(f"ix_policy_rules_{column}", "policy_rules", [column])
    op.execute("INSERT INTO access_version (id, version) VALUES (1, 1)")
    roles = sa.table(
        "roles",
        sa.column("actions", postgresql.ARRAY(sa.Text())),
        *(sa.column(name) for name in ("id", "name", "description", "reach", "is_builtin")),
        *(sa.column(name) for name in ("version", "created_at", "updated_at")),
    )
    for number, name in enumerate(ROLES, 1):
        op.execute(
            roles.insert().values(
                id=uuid.UUID(int=(0x7 << 76) | (0x8 << 60) | (0x100 + number)), name=name, description="", actions=[],
                reach="own", is_builtin=True, version=1, created_at=sa.func.now(), updated_at=sa.func.now(),
            )
        )  # fmt: skip
    op.execute(
        "INSERT INTO role_bindings (id, user_id, role_id, version, created_at, updated_at)"
        " SELECT users.id, users.id, roles.id, 1, now(), now()"
        "   FROM users JOIN roles ON roles.name = users.role WHERE NOT users.is_system"
    )
    op.drop_constraint(op.f("ck_users_role"), "users", type_="check")
    op.drop_column("users", "role")


def downgrade() -> None:
    op.add_column("users", sa.Column("role", sa.Text(), nullable=True))
    op.execute(
        "UPDATE users SET role = CASE WHEN is_system THEN 'owner' ELSE COALESCE(("
        " SELECT roles.name FROM role_bindings JOIN roles ON roles.id = role_bindings.role_id"
        "  WHERE role_bindings.user_id = users.id AND project_id IS NULL AND roles.is_builtin"
        # The built-in roles were made in their order, from the most to the least.
        "  ORDER BY roles.id LIMIT 1), 'viewer') END"
    )
    op.alter_column("users", "role", nullable=False)
    op.create_check_constraint(
        op.f("ck_users_role"), "users", "role IN ('owner', 'admin', 'operator', 'member', 'viewer')"
    )
    for table in ("policy_rules", "role_bindings", "roles", "group_members", "groups", "access_version"):
        op.drop_table(table)
