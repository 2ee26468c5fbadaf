"""Backfills: ranges of the past, each with its position."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backfills",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reached", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("added", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'running'"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "since <= reached AND reached <= until AND since < until",
            name=op.f("ck_backfills_position_in_range"),
        ),
        sa.CheckConstraint(
            "state IN ('running', 'paused', 'done', 'failed', 'cancelled')",
            name=op.f("ck_backfills_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["connection"], ["connections.id"], name=op.f("fk_backfills_connection_connections")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backfills")),
    )
    op.create_index(
        "ix_backfills_due", "backfills", ["due_at"], postgresql_where=sa.text("state = 'running'")
    )


def downgrade() -> None:
    op.drop_index("ix_backfills_due", table_name="backfills", postgresql_where=sa.text("state = 'running'"))
    op.drop_table("backfills")
