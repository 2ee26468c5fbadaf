"""The thread: from the lead to the allocation."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ALLOCATION_SUMS = """
CREATE FUNCTION keep_allocation_sums() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE receipts SET allocated_minor = allocated_minor - OLD.amount_minor WHERE id = OLD.receipt_id;
        UPDATE receivables SET paid_minor = paid_minor - OLD.amount_minor WHERE id = OLD.receivable_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        UPDATE receipts SET allocated_minor = allocated_minor + NEW.amount_minor WHERE id = NEW.receipt_id;
        UPDATE receivables SET paid_minor = paid_minor + NEW.amount_minor WHERE id = NEW.receivable_id;
        IF (SELECT currency FROM receipts WHERE id = NEW.receipt_id)
           <> (SELECT currency FROM receivables WHERE id = NEW.receivable_id) THEN
            RAISE EXCEPTION 'an allocation cannot change the currency' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NULL;
END $$
"""

RECEIVABLE_STATE = """
CREATE FUNCTION derive_receivable_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'reversed' AND NEW.paid_minor <> OLD.paid_minor THEN
        NEW.state := CASE
            WHEN NEW.paid_minor = NEW.amount_minor THEN 'paid'
            WHEN NEW.paid_minor > 0 THEN 'partly_paid'
            WHEN NEW.vendor_id IS NULL THEN 'posting'
            ELSE 'posted'
        END;
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "code_tables",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "key", name=op.f("pk_code_tables")),
    )
    op.create_table(
        "connections",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('active', 'paused')", name=op.f("ck_connections_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
    )
    op.create_table(
        "disagreements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("ours", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("theirs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("repair", sa.Text(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disagreements")),
    )
    op.create_index(
        "uq_disagreements_open",
        "disagreements",
        ["kind", "subject"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "exchanges",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("request_headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("request_body", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reply_headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reply_body", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchanges")),
    )
    op.create_index(op.f("ix_exchanges_started_at"), "exchanges", ["started_at"], unique=False)
    op.create_index(op.f("ix_exchanges_subject"), "exchanges", ["subject"], unique=False)
    op.create_table(
        "files",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_files")),
    )
    op.create_table(
        "refused",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused")),
        sa.UniqueConstraint(
            "connection", "reason", "digest", name=op.f("uq_refused_connection_reason_digest")
        ),
    )
    op.create_table(
        "schedule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schedule")),
    )
    op.create_table(
        "seats",
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("current_weight", sa.BigInteger(), nullable=True),
        sa.Column("assigned", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("pool", "person", name=op.f("pk_seats")),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'closed')", name=op.f("ck_tasks_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint("key", name=op.f("uq_tasks_key")),
    )
    op.create_table(
        "companies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded_name", sa.Text(), nullable=False),
        sa.Column("credit_code", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("erp", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["erp"], ["connections.id"], name=op.f("fk_companies_erp")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_companies")),
        sa.UniqueConstraint("code", name=op.f("uq_companies_code")),
        sa.UniqueConstraint("credit_code", name=op.f("uq_companies_credit_code")),
    )
    op.create_index(op.f("ix_companies_folded_name"), "companies", ["folded_name"], unique=False)
    op.create_table(
        "cursors",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["connection"], ["connections.id"], name=op.f("fk_cursors_connection")),
        sa.PrimaryKeyConstraint("connection", "name", name=op.f("pk_cursors")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=False),
        sa.Column("ordering_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "announced_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("vendor_id", sa.Text(), nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'retry', 'unknown', 'done', 'failed', 'cancelled')",
            name=op.f("ck_deliveries_state_known"),
        ),
        sa.ForeignKeyConstraint(["connection"], ["connections.id"], name=op.f("fk_deliveries_connection")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("key", name=op.f("uq_deliveries_key")),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('pending', 'retry', 'unknown')"),
    )
    op.create_index(
        "ix_deliveries_lane",
        "deliveries",
        ["ordering_key", "id"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('done', 'cancelled')"),
    )
    op.create_index(
        "ix_deliveries_leased",
        "deliveries",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index("ix_deliveries_subject", "deliveries", ["operation", "subject"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'new'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "announced_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("mapping", sa.Text(), nullable=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('new', 'handled', 'parked', 'ignored')", name=op.f("ck_inbox_state_known")
        ),
        sa.ForeignKeyConstraint(["connection"], ["connections.id"], name=op.f("fk_inbox_connection")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("connection", "dedupe_key", name=op.f("uq_inbox_connection_dedupe_key")),
    )
    op.create_index(
        "ix_inbox_due", "inbox", ["due_at"], unique=False, postgresql_where=sa.text("state = 'new'")
    )
    op.create_table(
        "tokens",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["connection"], ["connections.id"], name=op.f("fk_tokens_connection")),
        sa.PrimaryKeyConstraint("connection", "name", name=op.f("pk_tokens")),
    )
    op.create_table(
        "bank_lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("line_key", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), server_default=sa.text("'CNY'"), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'new'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f("ck_bank_lines_direction_known")),
        sa.CheckConstraint(
            "state IN ('new', 'receipt', 'not_a_receipt')", name=op.f("ck_bank_lines_state_known")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_bank_lines_amount_positive")),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_bank_lines_inbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_lines")),
        sa.UniqueConstraint("account", "line_key", name=op.f("uq_bank_lines_account_line_key")),
    )
    op.create_index("ix_bank_lines_alike", "bank_lines", ["amount_minor", "booked_on"], unique=False)
    op.create_index(op.f("ix_bank_lines_inbox_id"), "bank_lines", ["inbox_id"], unique=False)
    op.create_table(
        "delivery_needs",
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("needs", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_delivery_needs_delivery_id")
        ),
        sa.ForeignKeyConstraint(["needs"], ["deliveries.id"], name=op.f("fk_delivery_needs_needs")),
        sa.PrimaryKeyConstraint("delivery_id", "needs", name=op.f("pk_delivery_needs")),
    )
    op.create_index(op.f("ix_delivery_needs_needs"), "delivery_needs", ["needs"], unique=False)
    op.create_table(
        "payer_accounts",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_payer_accounts_company_id")),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_payer_accounts")),
    )
    op.create_index(op.f("ix_payer_accounts_company_id"), "payer_accounts", ["company_id"], unique=False)
    op.create_table(
        "people",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("wechat", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_people_company_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("email", name=op.f("uq_people_email")),
        sa.UniqueConstraint("phone", name=op.f("uq_people_phone")),
    )
    op.create_index(op.f("ix_people_company_id"), "people", ["company_id"], unique=False)
    op.create_table(
        "leads",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("vendor_id", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(state = 'waiting') = (owner IS NULL)", name=op.f("ck_leads_owner_when_assigned")
        ),
        sa.CheckConstraint("state IN ('waiting', 'assigned', 'closed')", name=op.f("ck_leads_state_known")),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_leads_company_id")),
        sa.ForeignKeyConstraint(["connection"], ["connections.id"], name=op.f("fk_leads_connection")),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_leads_inbox_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_leads_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leads")),
        sa.UniqueConstraint("connection", "vendor_id", name=op.f("uq_leads_connection_vendor_id")),
    )
    op.create_index(op.f("ix_leads_company_id"), "leads", ["company_id"], unique=False)
    op.create_index(op.f("ix_leads_inbox_id"), "leads", ["inbox_id"], unique=False)
    op.create_index(
        "ix_leads_open", "leads", ["owner"], unique=False, postgresql_where=sa.text("state = 'assigned'")
    )
    op.create_index(op.f("ix_leads_person_id"), "leads", ["person_id"], unique=False)
    op.create_index(
        "ix_leads_waiting",
        "leads",
        ["submitted_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "receipts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("bank_line_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("connection", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), server_default=sa.text("'CNY'"), nullable=False),
        sa.Column("allocated_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'unmatched'"), nullable=False),
        sa.Column("match", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("vendor_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('unmatched', 'matched', 'posted', 'written_off')", name=op.f("ck_receipts_state_known")
        ),
        sa.CheckConstraint(
            "allocated_minor BETWEEN 0 AND amount_minor", name=op.f("ck_receipts_allocated_within_amount")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_receipts_amount_positive")),
        sa.ForeignKeyConstraint(["bank_line_id"], ["bank_lines.id"], name=op.f("fk_receipts_bank_line_id")),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_receipts_company_id")),
        sa.ForeignKeyConstraint(["connection"], ["connections.id"], name=op.f("fk_receipts_connection")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("bank_line_id", name=op.f("uq_receipts_bank_line_id")),
        sa.UniqueConstraint("number", name=op.f("uq_receipts_number")),
    )
    op.create_index(op.f("ix_receipts_company_id"), "receipts", ["company_id"], unique=False)
    op.create_table(
        "assignments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("explanation", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_assignments_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
        sa.UniqueConstraint("lead_id", name=op.f("uq_assignments_lead_id")),
    )
    op.create_table(
        "opportunities",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), server_default=sa.text("'new'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "stage IN ('new', 'contracting', 'won', 'lost')", name=op.f("ck_opportunities_stage_known")
        ),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_opportunities_company_id")),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_opportunities_lead_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_opportunities_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opportunities")),
        sa.UniqueConstraint("lead_id", name=op.f("uq_opportunities_lead_id")),
    )
    op.create_index(op.f("ix_opportunities_company_id"), "opportunities", ["company_id"], unique=False)
    op.create_index(op.f("ix_opportunities_person_id"), "opportunities", ["person_id"], unique=False)
    op.create_table(
        "contracts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("opportunity_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'draft'"), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), server_default=sa.text("'CNY'"), nullable=False),
        sa.Column("signatory", sa.Text(), nullable=False),
        sa.Column("signatory_phone", sa.Text(), nullable=False),
        sa.Column("signer", sa.Text(), nullable=False),
        sa.Column("erp", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'approving', 'approved', 'sent', 'partly_signed', 'signed', 'fulfilled',"
            " 'declined', 'expired', 'revoked', 'terminated')",
            name=op.f("ck_contracts_state_known"),
        ),
        sa.CheckConstraint("total_minor > 0", name=op.f("ck_contracts_total_positive")),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_contracts_company_id")),
        sa.ForeignKeyConstraint(["erp"], ["connections.id"], name=op.f("fk_contracts_erp")),
        sa.ForeignKeyConstraint(
            ["opportunity_id"], ["opportunities.id"], name=op.f("fk_contracts_opportunity_id")
        ),
        sa.ForeignKeyConstraint(["signer"], ["connections.id"], name=op.f("fk_contracts_signer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contracts")),
        sa.UniqueConstraint("number", name=op.f("uq_contracts_number")),
    )
    op.create_index(op.f("ix_contracts_company_id"), "contracts", ["company_id"], unique=False)
    op.create_index(op.f("ix_contracts_opportunity_id"), "contracts", ["opportunity_id"], unique=False)
    op.create_table(
        "contract_lines",
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("unit_price", sa.Numeric(), nullable=False),
        sa.Column("tax_rate", sa.Numeric(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "quantity > 0 AND unit_price >= 0 AND amount_minor >= 0", name=op.f("ck_contract_lines_sensible")
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contracts.id"], name=op.f("fk_contract_lines_contract_id")
        ),
        sa.PrimaryKeyConstraint("contract_id", "position", name=op.f("pk_contract_lines")),
    )
    op.create_table(
        "instalments",
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("due_days", sa.Integer(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "(trigger = 'date') = (on_date IS NOT NULL)",
            name=op.f("ck_instalments_date_when_triggered_by_date"),
        ),
        sa.CheckConstraint(
            "trigger IN ('sent', 'signed', 'date')", name=op.f("ck_instalments_trigger_known")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_instalments_amount_positive")),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=op.f("fk_instalments_contract_id")),
        sa.PrimaryKeyConstraint("contract_id", "number", name=op.f("pk_instalments")),
    )
    op.create_table(
        "receivables",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("instalment", sa.Integer(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), server_default=sa.text("'CNY'"), nullable=False),
        sa.Column("document_date", sa.Date(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'posting'"), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("written_off_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("vendor_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('planned', 'posting', 'posted', 'partly_paid', 'paid', 'reversed')",
            name=op.f("ck_receivables_state_known"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_receivables_amount_positive")),
        sa.CheckConstraint(
            "paid_minor BETWEEN 0 AND amount_minor", name=op.f("ck_receivables_paid_within_amount")
        ),
        sa.CheckConstraint(
            "written_off_minor BETWEEN 0 AND amount_minor",
            name=op.f("ck_receivables_written_off_within_amount"),
        ),
        sa.ForeignKeyConstraint(["connection"], ["connections.id"], name=op.f("fk_receivables_connection")),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=op.f("fk_receivables_contract_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receivables")),
        sa.UniqueConstraint("contract_id", "instalment", name=op.f("uq_receivables_contract_id_instalment")),
        sa.UniqueConstraint("number", name=op.f("uq_receivables_number")),
    )
    op.create_index(op.f("ix_receivables_contract_id"), "receivables", ["contract_id"], unique=False)
    op.create_table(
        "signing_flows",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("flow_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default=sa.text("'draft'"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_file", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'signing', 'partly_signed', 'signed', 'declined', 'expired', 'revoked')",
            name=op.f("ck_signing_flows_state_known"),
        ),
        sa.ForeignKeyConstraint(["connection"], ["connections.id"], name=op.f("fk_signing_flows_connection")),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=op.f("fk_signing_flows_contract_id")),
        sa.ForeignKeyConstraint(["file"], ["files.sha256"], name=op.f("fk_signing_flows_file")),
        sa.ForeignKeyConstraint(["signed_file"], ["files.sha256"], name=op.f("fk_signing_flows_signed_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_flows")),
        sa.UniqueConstraint("connection", "flow_id", name=op.f("uq_signing_flows_connection_flow_id")),
        sa.UniqueConstraint("key", name=op.f("uq_signing_flows_key")),
    )
    op.create_index(op.f("ix_signing_flows_contract_id"), "signing_flows", ["contract_id"], unique=False)
    op.create_table(
        "timeline",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("contract_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.BigInteger(), nullable=True),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_timeline_company_id")),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=op.f("fk_timeline_contract_id")),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=op.f("fk_timeline_delivery_id")),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_timeline_inbox_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_timeline_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline")),
        sa.UniqueConstraint("key", name=op.f("uq_timeline_key")),
    )
    op.create_index(op.f("ix_timeline_company_id"), "timeline", ["company_id"], unique=False)
    op.create_index(op.f("ix_timeline_contract_id"), "timeline", ["contract_id"], unique=False)
    op.create_index(op.f("ix_timeline_delivery_id"), "timeline", ["delivery_id"], unique=False)
    op.create_index(op.f("ix_timeline_inbox_id"), "timeline", ["inbox_id"], unique=False)
    op.create_index(op.f("ix_timeline_person_id"), "timeline", ["person_id"], unique=False)
    op.create_table(
        "allocations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("receipt_id", sa.BigInteger(), nullable=False),
        sa.Column("receivable_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_allocations_amount_positive")),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name=op.f("fk_allocations_receipt_id")),
        sa.ForeignKeyConstraint(
            ["receivable_id"], ["receivables.id"], name=op.f("fk_allocations_receivable_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocations")),
        sa.UniqueConstraint(
            "receipt_id", "receivable_id", name=op.f("uq_allocations_receipt_id_receivable_id")
        ),
    )
    op.create_index(op.f("ix_allocations_receipt_id"), "allocations", ["receipt_id"], unique=False)
    op.create_index(op.f("ix_allocations_receivable_id"), "allocations", ["receivable_id"], unique=False)

    op.execute("CREATE SEQUENCE customer_code")
    op.execute(ALLOCATION_SUMS)
    op.execute(
        "CREATE TRIGGER allocation_sums AFTER INSERT OR UPDATE OR DELETE ON allocations"
        " FOR EACH ROW EXECUTE FUNCTION keep_allocation_sums()"
    )
    op.execute(RECEIVABLE_STATE)
    op.execute(
        "CREATE TRIGGER receivable_state BEFORE UPDATE ON receivables"
        " FOR EACH ROW EXECUTE FUNCTION derive_receivable_state()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER allocation_sums ON allocations")
    op.execute("DROP TRIGGER receivable_state ON receivables")
    op.execute("DROP FUNCTION keep_allocation_sums, derive_receivable_state")
    op.execute("DROP SEQUENCE customer_code")
    op.drop_index(op.f("ix_allocations_receivable_id"), table_name="allocations")
    op.drop_index(op.f("ix_allocations_receipt_id"), table_name="allocations")
    op.drop_table("allocations")
    op.drop_index(op.f("ix_timeline_person_id"), table_name="timeline")
    op.drop_index(op.f("ix_timeline_inbox_id"), table_name="timeline")
    op.drop_index(op.f("ix_timeline_delivery_id"), table_name="timeline")
    op.drop_index(op.f("ix_timeline_contract_id"), table_name="timeline")
    op.drop_index(op.f("ix_timeline_company_id"), table_name="timeline")
    op.drop_table("timeline")
    op.drop_index(op.f("ix_signing_flows_contract_id"), table_name="signing_flows")
    op.drop_table("signing_flows")
    op.drop_index(op.f("ix_receivables_contract_id"), table_name="receivables")
    op.drop_table("receivables")
    op.drop_table("instalments")
    op.drop_table("contract_lines")
    op.drop_index(op.f("ix_contracts_opportunity_id"), table_name="contracts")
    op.drop_index(op.f("ix_contracts_company_id"), table_name="contracts")
    op.drop_table("contracts")
    op.drop_index(op.f("ix_opportunities_person_id"), table_name="opportunities")
    op.drop_index(op.f("ix_opportunities_company_id"), table_name="opportunities")
    op.drop_table("opportunities")
    op.drop_table("assignments")
    op.drop_index(op.f("ix_receipts_company_id"), table_name="receipts")
    op.drop_table("receipts")
    op.drop_index("ix_leads_waiting", table_name="leads", postgresql_where=sa.text("state = 'waiting'"))
    op.drop_index(op.f("ix_leads_person_id"), table_name="leads")
    op.drop_index("ix_leads_open", table_name="leads", postgresql_where=sa.text("state = 'assigned'"))
    op.drop_index(op.f("ix_leads_inbox_id"), table_name="leads")
    op.drop_index(op.f("ix_leads_company_id"), table_name="leads")
    op.drop_table("leads")
    op.drop_index(op.f("ix_people_company_id"), table_name="people")
    op.drop_table("people")
    op.drop_index(op.f("ix_payer_accounts_company_id"), table_name="payer_accounts")
    op.drop_table("payer_accounts")
    op.drop_index(op.f("ix_delivery_needs_needs"), table_name="delivery_needs")
    op.drop_table("delivery_needs")
    op.drop_index("ix_bank_lines_alike", table_name="bank_lines")
    op.drop_index(op.f("ix_bank_lines_inbox_id"), table_name="bank_lines")
    op.drop_table("bank_lines")
    op.drop_table("tokens")
    op.drop_index("ix_inbox_due", table_name="inbox", postgresql_where=sa.text("state = 'new'"))
    op.drop_table("inbox")
    op.drop_index("ix_deliveries_subject", table_name="deliveries")
    op.drop_index(
        "ix_deliveries_leased", table_name="deliveries", postgresql_where=sa.text("state = 'sending'")
    )
    op.drop_index(
        "ix_deliveries_lane",
        table_name="deliveries",
        postgresql_where=sa.text("state NOT IN ('done', 'cancelled')"),
    )
    op.drop_index(
        "ix_deliveries_due",
        table_name="deliveries",
        postgresql_where=sa.text("state IN ('pending', 'retry', 'unknown')"),
    )
    op.drop_table("deliveries")
    op.drop_table("cursors")
    op.drop_index(op.f("ix_companies_folded_name"), table_name="companies")
    op.drop_table("companies")
    op.drop_table("tasks")
    op.drop_table("seats")
    op.drop_table("schedule")
    op.drop_table("refused")
    op.drop_table("files")
    op.drop_index(op.f("ix_exchanges_subject"), table_name="exchanges")
    op.drop_index(op.f("ix_exchanges_started_at"), table_name="exchanges")
    op.drop_table("exchanges")
    op.drop_index(
        "uq_disagreements_open", table_name="disagreements", postgresql_where=sa.text("closed_at IS NULL")
    )
    op.drop_table("disagreements")
    op.drop_table("connections")
    op.drop_table("code_tables")
