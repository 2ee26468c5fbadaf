"""The schema. What must always hold is a constraint here, not a habit of the code.

Amounts are integers in minor units (fen) with a currency beside them; unit prices and quantities are NUMERIC;
times are timestamptz.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.states import ContractState, ReceivableState, SigningAct, SigningState

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(), primary_key=True)


def _now(name: str = "created_at") -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _time(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _maybe(name: str) -> Column[str]:
    return Column(name, Text)


def _reference(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, ForeignKey(f"{target}.id"), nullable=nullable, index=True)


def _minor(name: str, *, zero: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0") if zero else None)


def _currency() -> Column[str]:
    return Column("currency", Text, nullable=False, server_default=text("'CNY'"))


def _one_of(column: str, values: object) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


# --- connections ----------------------------------------------------------------------------------

connections = Table(
    "connections",
    metadata,
    Column("id", Text, primary_key=True),
    _text("connector"),
    Column("settings", JSONB, nullable=False),
    Column("secrets", LargeBinary, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'active'")),
    _maybe("reason"),
    _now(),
    _one_of("state", ("active", "paused", "retired")),
)

tokens = Table(
    "tokens",
    metadata,
    Column("connection", Text, ForeignKey("connections.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

cursors = Table(
    "cursors",
    metadata,
    Column("connection", Text, ForeignKey("connections.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("until", DateTime(timezone=True), nullable=False),
)

schedule = Table(
    "schedule",
    metadata,
    Column("name", Text, primary_key=True),
    Column("due_at", DateTime(timezone=True), nullable=False),
    _time("started_at"),
    _time("finished_at"),
    _maybe("failure"),
)

backfills = Table(
    "backfills",
    metadata,
    _id(),
    Column("connection", Text, ForeignKey("connections.id"), nullable=False),
    _text("kind"),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("reached", DateTime(timezone=True), nullable=False),
    Column("seen", BigInteger, nullable=False, server_default=text("0")),
    Column("added", BigInteger, nullable=False, server_default=text("0")),
    Column("state", Text, nullable=False, server_default=text("'running'")),
    _maybe("reason"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("lease", Integer, nullable=False, server_default=text("0")),
    _time("lease_until"),
    _now("due_at"),
    _now(),
    _time("finished_at"),
    CheckConstraint("since <= reached AND reached <= until AND since < until", name="position_in_range"),
    _one_of("state", ("running", "paused", "done", "failed", "cancelled")),
    Index("ix_backfills_due", "due_at", postgresql_where=text("state = 'running'")),
)

# --- code tables ----------------------------------------------------------------------------------

code_tables = Table(
    "code_tables",
    metadata,
    Column("name", Text, primary_key=True),
    _text("title"),
    Column("owner", Text, nullable=False, server_default=text("'it'")),
    _now(),
    _one_of("owner", ("it", "finance", "sales")),
)

codes = Table(
    "codes",
    metadata,
    Column("table_name", Text, ForeignKey("code_tables.name"), primary_key=True),
    Column("key", Text, primary_key=True),
    _text("value"),
)

code_changes = Table(
    "code_changes",
    metadata,
    _id(),
    Column("table_name", Text, ForeignKey("code_tables.name"), nullable=False),
    _text("key"),
    _maybe("before"),
    _maybe("after"),
    _text("by"),
    _now("at"),
    Index("ix_code_changes_row", "table_name", "key", "id"),
)

code_misses = Table(
    "code_misses",
    metadata,
    _id(),
    _text("table_name"),
    _text("key"),
    _text("connection"),
    _text("subject"),
    _now("first_at"),
    _now("last_at"),
    UniqueConstraint("table_name", "key"),
)

# --- published mappings ---------------------------------------------------------------------------

mapping_versions = Table(
    "mapping_versions",
    metadata,
    _id(),
    _text("name"),
    _maybe("connection"),
    Column("number", Integer, nullable=False),
    _text("text"),
    Column("samples", JSONB, nullable=False),
    _text("digest"),
    _now("published_at"),
    _text("published_by"),
    _text("note"),
    UniqueConstraint("name", "connection", "number", postgresql_nulls_not_distinct=True),
    CheckConstraint("number > 0", name="number_positive"),
)

mapping_switches = Table(
    "mapping_switches",
    metadata,
    _id(),
    _text("name"),
    _maybe("connection"),
    _reference("version_id", "mapping_versions", nullable=True),
    _now("switched_at"),
    _text("switched_by"),
    _text("note"),
    Index("ix_mapping_switches_last", "name", "connection", "id"),
)

# --- what comes in --------------------------------------------------------------------------------

inbox = Table(
    "inbox",
    metadata,
    _id(),
    Column("connection", Text, ForeignKey("connections.id"), nullable=False),
    _text("dedupe_key"),
    _text("kind"),
    Column("headers", JSONB, nullable=False),
    Column("body", LargeBinary, nullable=False),
    _now("received_at"),
    Column("state", Text, nullable=False, server_default=text("'new'")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    _now("announced_at"),
    _maybe("reason"),
    _maybe("mapping"),
    _time("handled_at"),
    UniqueConstraint("connection", "dedupe_key"),
    _one_of("state", ("new", "handled", "parked", "ignored")),
    Index("ix_inbox_due", "due_at", postgresql_where=text("state = 'new'")),
)

refused = Table(
    "refused",
    metadata,
    _id(),
    _text("connection"),
    _text("reason"),
    _text("detail"),
    Column("headers", JSONB, nullable=False),
    Column("body", LargeBinary, nullable=False),
    _text("digest"),
    Column("times", Integer, nullable=False, server_default=text("1")),
    _now("received_at"),
    UniqueConstraint("connection", "reason", "digest"),
)

# --- what goes out --------------------------------------------------------------------------------

deliveries = Table(
    "deliveries",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True),
    Column("connection", Text, ForeignKey("connections.id"), nullable=False),
    _text("operation"),
    Column("subject", BigInteger, nullable=False),
    _text("ordering_key"),
    Column("state", Text, nullable=False, server_default=text("'pending'")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    _now("announced_at"),
    _time("lease_until"),
    Column("lease", Integer, nullable=False, server_default=text("0")),
    _maybe("vendor_id"),
    _maybe("fault"),
    _maybe("reason"),
    _maybe("mapping"),
    _now(),
    _time("finished_at"),
    _one_of("state", ("pending", "sending", "retry", "unknown", "held", "done", "failed", "cancelled")),
    Index("ix_deliveries_due", "due_at", postgresql_where=text("state IN ('pending', 'retry', 'unknown')")),
    Index("ix_deliveries_leased", "lease_until", postgresql_where=text("state = 'sending'")),
    Index(
        "ix_deliveries_lane",
        "ordering_key",
        "id",
        postgresql_where=text("state NOT IN ('done', 'cancelled')"),
    ),
    Index("ix_deliveries_subject", "operation", "subject"),
)

delivery_needs = Table(
    "delivery_needs",
    metadata,
    Column("delivery_id", BigInteger, ForeignKey("deliveries.id"), primary_key=True),
    Column("needs", BigInteger, ForeignKey("deliveries.id"), primary_key=True, index=True),
)

exchanges = Table(
    "exchanges",
    metadata,
    _id(),
    _text("connection"),
    _text("operation"),
    Column("subject", Text, index=True),
    Column("started_at", DateTime(timezone=True), nullable=False, index=True),
    Column("milliseconds", Integer, nullable=False),
    _text("method"),
    _text("url"),
    Column("request_headers", JSONB, nullable=False),
    _text("request_body"),
    Column("status", Integer),
    Column("reply_headers", JSONB, nullable=False),
    _text("reply_body"),
    _text("outcome"),
)

# --- customers ------------------------------------------------------------------------------------

companies = Table(
    "companies",
    metadata,
    _id(),
    Column("code", Text, nullable=False, unique=True),
    _text("name"),
    Column("folded_name", Text, nullable=False, index=True),
    Column("credit_code", Text, unique=True),
    _maybe("phone"),
    _maybe("email"),
    _maybe("region"),
    _maybe("city"),
    _maybe("address"),
    Column("erp", Text, ForeignKey("connections.id")),
    _now(),
)

people = Table(
    "people",
    metadata,
    _id(),
    _reference("company_id", "companies", nullable=True),
    _maybe("name"),
    Column("phone", Text, unique=True),
    Column("email", Text, unique=True),
    _maybe("wechat"),
    _now(),
)

payer_accounts = Table(
    "payer_accounts",
    metadata,
    Column("account", Text, primary_key=True),
    _reference("company_id", "companies"),
    _now(),
)

timeline = Table(
    "timeline",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True),
    _reference("person_id", "people", nullable=True),
    _reference("company_id", "companies", nullable=True),
    _reference("contract_id", "contracts", nullable=True),
    Column("at", DateTime(timezone=True), nullable=False),
    _text("kind"),
    _text("text"),
    _text("origin"),
    _reference("inbox_id", "inbox", nullable=True),
    _reference("delivery_id", "deliveries", nullable=True),
    _now(),
)

# --- leads and routing ----------------------------------------------------------------------------

leads = Table(
    "leads",
    metadata,
    _id(),
    Column("connection", Text, ForeignKey("connections.id"), nullable=False),
    _text("vendor_id"),
    _reference("inbox_id", "inbox"),
    _reference("person_id", "people"),
    _reference("company_id", "companies", nullable=True),
    Column("facts", JSONB, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    _maybe("owner"),
    Column("submitted_at", DateTime(timezone=True), nullable=False),
    _now(),
    UniqueConstraint("connection", "vendor_id"),
    _one_of("state", ("waiting", "assigned", "closed")),
    CheckConstraint("(state = 'waiting') = (owner IS NULL)", name="owner_when_assigned"),
    Index("ix_leads_waiting", "submitted_at", postgresql_where=text("state = 'waiting'")),
    Index("ix_leads_open", "owner", postgresql_where=text("state = 'assigned'")),
)

assignments = Table(
    "assignments",
    metadata,
    _id(),
    Column("lead_id", BigInteger, ForeignKey("leads.id"), nullable=False, unique=True),
    _text("owner"),
    _maybe("rule"),
    _text("pool"),
    Column("explanation", JSONB, nullable=False),
    _now(),
)

seats = Table(
    "seats",
    metadata,
    Column("pool", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("current_weight", BigInteger),
    Column("assigned", Integer, nullable=False, server_default=text("0")),
)

opportunities = Table(
    "opportunities",
    metadata,
    _id(),
    Column("lead_id", BigInteger, ForeignKey("leads.id"), nullable=False, unique=True),
    _reference("person_id", "people"),
    _reference("company_id", "companies", nullable=True),
    _text("title"),
    _text("owner"),
    Column("stage", Text, nullable=False, server_default=text("'new'")),
    _now(),
    _one_of("stage", ("new", "contracting", "won", "lost")),
)

# --- contracts ------------------------------------------------------------------------------------

contracts = Table(
    "contracts",
    metadata,
    _id(),
    Column("number", Text, nullable=False, unique=True),
    _text("title"),
    _reference("opportunity_id", "opportunities"),
    _reference("company_id", "companies"),
    Column("state", Text, nullable=False, server_default=text(f"'{ContractState.DRAFT}'")),
    _minor("total_minor"),
    _currency(),
    _text("signatory"),
    _text("signatory_phone"),
    Column("signer", Text, ForeignKey("connections.id"), nullable=False),
    Column("erp", Text, ForeignKey("connections.id"), nullable=False),
    _now(),
    _time("signed_at"),
    _one_of("state", ContractState),
    CheckConstraint("total_minor > 0", name="total_positive"),
)

contract_lines = Table(
    "contract_lines",
    metadata,
    Column("contract_id", BigInteger, ForeignKey("contracts.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    _text("sku"),
    _text("title"),
    Column("quantity", Numeric, nullable=False),
    Column("unit_price", Numeric, nullable=False),
    Column("tax_rate", Numeric, nullable=False),
    _minor("amount_minor"),
    CheckConstraint("quantity > 0 AND unit_price >= 0 AND amount_minor >= 0", name="sensible"),
)

instalments = Table(
    "instalments",
    metadata,
    Column("contract_id", BigInteger, ForeignKey("contracts.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    _text("title"),
    _minor("amount_minor"),
    _text("trigger"),
    Column("due_days", Integer, nullable=False),
    Column("on_date", Date),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("(trigger = 'date') = (on_date IS NOT NULL)", name="date_when_triggered_by_date"),
    _one_of("trigger", ("sent", "signed", "date")),
)

files = Table(
    "files",
    metadata,
    Column("sha256", Text, primary_key=True),
    _text("name"),
    Column("content", LargeBinary, nullable=False),
    _now(),
)

signing_flows = Table(
    "signing_flows",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True),
    _reference("contract_id", "contracts"),
    Column("connection", Text, ForeignKey("connections.id"), nullable=False),
    Column("file", Text, ForeignKey("files.sha256"), nullable=False),
    Column("flow_id", Text),
    Column("state", Text, nullable=False, server_default=text(f"'{SigningState.DRAFT}'")),
    _maybe("reason"),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    _time("finished_at"),
    Column("signed_file", Text, ForeignKey("files.sha256")),
    UniqueConstraint("connection", "flow_id"),
    _one_of("state", SigningState),
)

signing_acts = Table(
    "signing_acts",
    metadata,
    _id(),
    _reference("flow", "signing_flows"),
    _text("act"),
    _text("asked_by"),
    _now("asked_at"),
    _time("until"),
    _maybe("reason"),
    _time("tried_at"),
    _maybe("result"),
    _maybe("refusal"),
    Column("file", Text, ForeignKey("files.sha256")),
    _one_of("act", SigningAct),
    CheckConstraint("(act = 'extend') = (until IS NOT NULL)", name="until_when_extended"),
    CheckConstraint("(act = 'revoke') = (reason IS NOT NULL)", name="reason_when_revoked"),
)

# --- receivables and receipts ---------------------------------------------------------------------

receivables = Table(
    "receivables",
    metadata,
    _id(),
    Column("number", Text, nullable=False, unique=True),
    _reference("contract_id", "contracts"),
    Column("instalment", Integer, nullable=False),
    Column("connection", Text, ForeignKey("connections.id"), nullable=False),
    _minor("amount_minor"),
    _currency(),
    Column("document_date", Date, nullable=False),
    Column("due_date", Date, nullable=False),
    Column("state", Text, nullable=False, server_default=text(f"'{ReceivableState.POSTING}'")),
    _minor("paid_minor", zero=True),
    _minor("written_off_minor", zero=True),
    _maybe("vendor_id"),
    _now(),
    UniqueConstraint("contract_id", "instalment"),
    _one_of("state", ReceivableState),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("paid_minor BETWEEN 0 AND amount_minor", name="paid_within_amount"),
    CheckConstraint("written_off_minor BETWEEN 0 AND amount_minor", name="written_off_within_amount"),
)

bank_lines = Table(
    "bank_lines",
    metadata,
    _id(),
    _text("account"),
    _text("line_key"),
    _reference("inbox_id", "inbox"),
    _minor("amount_minor"),
    _currency(),
    _text("direction"),
    Column("booked_on", Date, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'new'")),
    _now(),
    UniqueConstraint("account", "line_key"),
    Index("ix_bank_lines_alike", "amount_minor", "booked_on"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    _one_of("direction", ("in", "out")),
    _one_of("state", ("new", "receipt", "not_a_receipt")),
)

receipts = Table(
    "receipts",
    metadata,
    _id(),
    Column("number", Text, nullable=False, unique=True),
    Column("bank_line_id", BigInteger, ForeignKey("bank_lines.id"), nullable=False, unique=True),
    _reference("company_id", "companies", nullable=True),
    Column("connection", Text, ForeignKey("connections.id")),
    _minor("amount_minor"),
    _currency(),
    _minor("allocated_minor", zero=True),
    Column("state", Text, nullable=False, server_default=text("'unmatched'")),
    Column("match", JSONB, nullable=False),
    _maybe("vendor_id"),
    _now(),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("allocated_minor BETWEEN 0 AND amount_minor", name="allocated_within_amount"),
    _one_of("state", ("unmatched", "matched", "posted", "written_off")),
)

allocations = Table(
    "allocations",
    metadata,
    _id(),
    _reference("receipt_id", "receipts"),
    _reference("receivable_id", "receivables"),
    _minor("amount_minor"),
    _text("decided_by"),
    _now(),
    UniqueConstraint("receipt_id", "receivable_id"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
)

# --- what people must look at ---------------------------------------------------------------------

tasks = Table(
    "tasks",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True),
    _text("kind"),
    _text("owner"),
    _text("title"),
    Column("detail", JSONB, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    _now(),
    _time("closed_at"),
    _maybe("closed_by"),
    _one_of("state", ("open", "closed")),
)

holds = Table(
    "holds",
    metadata,
    _id(),
    _text("cause"),
    _reference("inbox_id", "inbox", nullable=True),
    _reference("delivery_id", "deliveries", nullable=True),
    _now(),
    UniqueConstraint("cause", "inbox_id"),
    UniqueConstraint("cause", "delivery_id"),
    CheckConstraint("(inbox_id IS NULL) <> (delivery_id IS NULL)", name="one_record"),
)

observed_shapes = Table(
    "observed_shapes",
    metadata,
    Column("connection", Text, ForeignKey("connections.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("learned", JSONB, nullable=False),
)

drift_findings = Table(
    "drift_findings",
    metadata,
    _id(),
    Column("connection", Text, ForeignKey("connections.id"), nullable=False),
    _text("kind"),
    _text("path"),
    _text("change"),
    _text("detail"),
    Column("mappings", JSONB, nullable=False),
    _text("task"),
    _reference("inbox_id", "inbox"),
    Column("count", Integer, nullable=False, server_default=text("1")),
    _now("first_at"),
    _now("last_at"),
    _time("accepted_at"),
    _maybe("accepted_by"),
    UniqueConstraint("connection", "kind", "path", "change", "detail"),
    _one_of("change", ("new", "missing", "renamed", "retyped", "option")),
)

disagreements = Table(
    "disagreements",
    metadata,
    _id(),
    _text("kind"),
    _text("subject"),
    _text("owner"),
    Column("ours", JSONB, nullable=False),
    Column("theirs", JSONB, nullable=False),
    _text("repair"),
    _now("found_at"),
    _time("closed_at"),
    Index(
        "uq_disagreements_open", "kind", "subject", unique=True, postgresql_where=text("closed_at IS NULL")
    ),
)
