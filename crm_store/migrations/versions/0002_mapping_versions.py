"""Published mappings that never change, which of them is live, and what every delivery used."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEVER_CHANGES = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % never change and are never deleted', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$
"""

TABLES = ("mapping_versions", "mapping_switches")


def upgrade() -> None:
    op.create_table(
        "mapping_versions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("samples", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column(
            "published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_mapping_versions_number_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mapping_versions")),
        sa.UniqueConstraint(
            "name",
            "connection",
            "number",
            name=op.f("uq_mapping_versions_name_connection_number"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "mapping_switches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=True),
        sa.Column("version_id", sa.BigInteger(), nullable=True),
        sa.Column("switched_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("switched_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["mapping_versions.id"],
            name=op.f("fk_mapping_switches_version_id_mapping_versions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mapping_switches")),
    )
    op.create_index(op.f("ix_mapping_switches_version_id"), "mapping_switches", ["version_id"])
    op.create_index("ix_mapping_switches_last", "mapping_switches", ["name", "connection", "id"])
    op.execute(NEVER_CHANGES)
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    op.add_column("deliveries", sa.Column("mapping", sa.Text(), nullable=True))
    _connection_states("'active', 'paused', 'retired'")


def downgrade() -> None:
    op.execute("UPDATE connections SET state = 'paused' WHERE state = 'retired'")
    _connection_states("'active', 'paused'")
    op.drop_column("deliveries", "mapping")
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change")


def _connection_states(known: str) -> None:
    name = op.f("ck_connections_state_known")
    op.drop_constraint(name, "connections", type_="check")
    op.create_check_constraint(name, "connections", f"state IN ({known})")
