"""What is asked of a signing service about a contract that was sent."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signing_acts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("flow", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("file", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(act = 'extend') = (until IS NOT NULL)", name=op.f("ck_signing_acts_until_when_extended")
        ),
        sa.CheckConstraint(
            "(act = 'revoke') = (reason IS NOT NULL)", name=op.f("ck_signing_acts_reason_when_revoked")
        ),
        sa.CheckConstraint(
            "act IN ('urge', 'extend', 'revoke', 'evidence')", name=op.f("ck_signing_acts_act_known")
        ),
        sa.ForeignKeyConstraint(["flow"], ["signing_flows.id"], name=op.f("fk_signing_acts_flow")),
        sa.ForeignKeyConstraint(["file"], ["files.sha256"], name=op.f("fk_signing_acts_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_acts")),
    )
    op.create_index("ix_signing_acts_flow", "signing_acts", ["flow"])


def downgrade() -> None:
    op.drop_table("signing_acts")
