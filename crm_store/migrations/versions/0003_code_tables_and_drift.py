"""Code tables with owner and history, what waits for a decision, and the observed shapes of messages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATES = "'pending', 'sending', 'retry', 'unknown', 'done', 'failed', 'cancelled'"


def upgrade() -> None:
    _make_code_tables()
    _make_misses_and_holds()
    _make_drift()
    _delivery_states(f"{STATES}, 'held'")


def _make_code_tables() -> None:
    """The rows of the one table so far become `codes`; each name in it becomes a table of IT's."""
    op.rename_table("code_tables", "codes")
    op.alter_column("codes", "name", new_column_name="table_name")
    op.execute("ALTER TABLE codes RENAME CONSTRAINT pk_code_tables TO pk_codes")
    op.create_table(
        "code_tables",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), server_default=sa.text("'it'"), nullable=False),
        _now("created_at"),
        sa.CheckConstraint("owner IN ('it', 'finance', 'sales')", name=op.f("ck_code_tables_owner_known")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_code_tables")),
    )
    op.create_table(
        "code_changes",
        _id(),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        _now("at"),
        sa.ForeignKeyConstraint(
            ["table_name"], ["code_tables.name"], name=op.f("fk_code_changes_table_name_code_tables")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_changes")),
    )
    op.create_index("ix_code_changes_row", "code_changes", ["table_name", "key", "id"])
    op.execute("INSERT INTO code_tables (name, title) SELECT DISTINCT table_name, table_name FROM codes")
    op.execute(
        "INSERT INTO code_changes (table_name, key, after, by)"
        " SELECT table_name, key, value, 'migration' FROM codes"
    )
    op.create_foreign_key(
        op.f("fk_codes_table_name_code_tables"), "codes", "code_tables", ["table_name"], ["name"]
    )


def _make_misses_and_holds() -> None:
    op.create_table(
        "code_misses",
        _id(),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        _now("first_at"),
        _now("last_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_misses")),
        sa.UniqueConstraint("table_name", "key", name=op.f("uq_code_misses_table_name_key")),
    )
    op.create_table(
        "holds",
        _id(),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.BigInteger(), nullable=True),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        _now("created_at"),
        sa.CheckConstraint("(inbox_id IS NULL) <> (delivery_id IS NULL)", name=op.f("ck_holds_one_record")),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_holds_inbox_id_inbox")),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_holds_delivery_id_deliveries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
        sa.UniqueConstraint("cause", "inbox_id", name=op.f("uq_holds_cause_inbox_id")),
        sa.UniqueConstraint("cause", "delivery_id", name=op.f("uq_holds_cause_delivery_id")),
    )
    op.create_index(op.f("ix_holds_inbox_id"), "holds", ["inbox_id"])
    op.create_index(op.f("ix_holds_delivery_id"), "holds", ["delivery_id"])


def _make_drift() -> None:
    op.create_table(
        "observed_shapes",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("learned", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection"], ["connections.id"], name=op.f("fk_observed_shapes_connection_connections")
        ),
        sa.PrimaryKeyConstraint("connection", "kind", name=op.f("pk_observed_shapes")),
    )
    op.create_table(
        "drift_findings",
        _id(),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("mappings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), server_default=sa.text("1"), nullable=False),
        _now("first_at"),
        _now("last_at"),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "change IN ('new', 'missing', 'renamed', 'retyped', 'option')",
            name=op.f("ck_drift_findings_change_known"),
        ),
        sa.ForeignKeyConstraint(
            ["connection"], ["connections.id"], name=op.f("fk_drift_findings_connection_connections")
        ),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_drift_findings_inbox_id_inbox")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift_findings")),
        sa.UniqueConstraint(
            "connection",
            "kind",
            "path",
            "change",
            "detail",
            name=op.f("uq_drift_findings_connection_kind_path_change_detail"),
        ),
    )
    op.create_index(op.f("ix_drift_findings_inbox_id"), "drift_findings", ["inbox_id"])


def downgrade() -> None:
    op.execute("UPDATE deliveries SET state = 'failed', finished_at = now() WHERE state = 'held'")
    _delivery_states(STATES)
    for table in ("drift_findings", "observed_shapes", "holds", "code_misses", "code_changes"):
        op.drop_table(table)
    op.drop_constraint(op.f("fk_codes_table_name_code_tables"), "codes", type_="foreignkey")
    op.drop_table("code_tables")
    op.execute("ALTER TABLE codes RENAME CONSTRAINT pk_codes TO pk_code_tables")
    op.alter_column("codes", "table_name", new_column_name="name")
    op.rename_table("codes", "code_tables")


def _delivery_states(known: str) -> None:
    name = op.f("ck_deliveries_state_known")
    op.drop_constraint(name, "deliveries", type_="check")
    op.create_check_constraint(name, "deliveries", f"state IN ({known})")


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
