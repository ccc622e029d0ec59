"""The tables of the database `csms_billing`, as the queries see them. Their history is in migrations/."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.postgres import reconciliations
from services.postgres.tenancy import tenant_column

METADATA = MetaData()

# One row per version of a tariff; a version never changes but for `until_time`, when the next one took its place.
PRICING_TIERS = Table(
    "pricing_tiers",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("currency_code", Text, nullable=False),
    Column("components", JSONB, nullable=False),
    Column("tax_basis_points", Integer, nullable=False),
    Column("tier_discounts", JSONB, nullable=False),
    Column("station_ids", ARRAY(Uuid(as_uuid=False)), nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("retired", Boolean, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("until_time", DateTime(timezone=True)),
    tenant_column(),
    PrimaryKeyConstraint("id", "version", name="pricing_tiers_pkey"),
    Index("pricing_tiers_newest_key", "id", unique=True, postgresql_where=text("until_time IS NULL")),
    Index(
        "pricing_tiers_default_key",
        "tenant_id",
        unique=True,
        postgresql_where=text("until_time IS NULL AND is_default"),
    ),
)

# The versions that release 0.2.0 cannot read. `rules` is of the tariff what has no column there.
TARIFFS = Table(
    "tariffs",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("currency_code", Text, nullable=False),
    Column("components", JSONB, nullable=False),
    Column("tax_basis_points", Integer, nullable=False),
    Column("tier_discounts", JSONB, nullable=False),
    Column("station_ids", ARRAY(Uuid(as_uuid=False)), nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("retired", Boolean, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("until_time", DateTime(timezone=True)),
    Column("driver_ids", ARRAY(Uuid(as_uuid=False)), nullable=False),
    Column("connectors", ARRAY(Text), nullable=False),
    Column("rules", JSONB, nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("id", "version", name="tariffs_pkey"),
    Index("tariffs_newest_key", "id", unique=True, postgresql_where=text("until_time IS NULL")),
    Index("tariffs_default_key", "tenant_id", unique=True, postgresql_where=text("until_time IS NULL AND is_default")),
)

CHARGING_SESSIONS = Table(
    "charging_sessions",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("transaction_id", Uuid(as_uuid=False)),
    Column("station_id", Uuid(as_uuid=False)),
    Column("charge_point_id", Text, nullable=False),
    Column("connector_id", Integer, nullable=False),
    Column("driver_id", Uuid(as_uuid=False)),
    Column("id_tag", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("start_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True)),
    Column("energy_wh", BigInteger, nullable=False),
    Column("idle_minutes", Integer, nullable=False),
    Column("cost_minor", BigInteger),
    Column("currency_code", Text),
    Column("tariff_id", Uuid(as_uuid=False)),
    Column("tariff_version", Integer, nullable=False),
    Column("invoice_id", Uuid(as_uuid=False)),
    Column("hold_reason", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    # What there is to say beside the figures; NULL for most.
    Column("remarks", JSONB),
    tenant_column(),
    PrimaryKeyConstraint("id", name="charging_sessions_pkey"),
    UniqueConstraint("transaction_id", name="charging_sessions_transaction_id_key"),
    Index("charging_sessions_tenant_idx", "tenant_id", "start_time", "id"),
    Index("charging_sessions_driver_idx", "driver_id", "start_time"),
    Index("charging_sessions_station_idx", "station_id", "start_time"),
    Index("charging_sessions_charge_point_idx", "charge_point_id", "start_time"),
    # Found by blocks: an entry of a tree would be in the way of updates in place.
    Index("charging_sessions_update_brin", "update_time", postgresql_using="brin"),
    # What changes in a session is in no index: with room on its page it ends and is billed in place.
    postgresql_with={"fillfactor": 60},
)

# The sessions that wait for their bill, for another one, or for a person: their `hold_reason`, of all that have one.
UNBILLED_SESSIONS = Table(
    "unbilled_sessions",
    METADATA,
    Column("session_id", Uuid(as_uuid=False), nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("session_id", name="unbilled_sessions_pkey"),
    # Looked for four times a second, among those that may wait for a person for years.
    Index("unbilled_sessions_pending_idx", "session_id", postgresql_where=text("reason = 'pending'")),
)

SESSION_DECISIONS = Table(
    "session_decisions",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("charging_session_id", Uuid(as_uuid=False), nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("before", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("id", name="session_decisions_pkey"),
    ForeignKeyConstraint(
        ["charging_session_id"], ["charging_sessions.id"], name="session_decisions_charging_session_id_fkey"
    ),
    Index("session_decisions_session_idx", "charging_session_id", "id"),
)

INVOICES = Table(
    "invoices",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("number", Text, nullable=False),
    Column("driver_id", Uuid(as_uuid=False)),
    Column("charging_session_id", Uuid(as_uuid=False), nullable=False),
    Column("state", Text, nullable=False),
    Column("issue_time", DateTime(timezone=True), nullable=False),
    Column("currency_code", Text, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("tax_minor", BigInteger, nullable=False),
    Column("paid_minor", BigInteger, nullable=False),
    Column("lines", JSONB, nullable=False),
    Column("kind", Text, nullable=False, server_default="INVOICE"),
    Column("corrected_invoice_id", Uuid(as_uuid=False)),
    Column("credit_note_id", Uuid(as_uuid=False)),
    Column("due_time", DateTime(timezone=True)),
    # That it was given up: its state stays OPEN for 0.2.0, which knows no other word.
    Column("write_off", JSONB),
    tenant_column(),
    PrimaryKeyConstraint("id", name="invoices_pkey"),
    UniqueConstraint("tenant_id", "number", name="invoices_number_key"),
    ForeignKeyConstraint(["charging_session_id"], ["charging_sessions.id"], name="invoices_charging_session_id_fkey"),
    # The last word on "billed once": a session has one invoice that counts.
    Index(
        "invoices_session_key",
        "charging_session_id",
        unique=True,
        postgresql_where=text("kind = 'INVOICE' AND state IN ('OPEN', 'PAID')"),
    ),
    Index("invoices_driver_idx", "driver_id", "id"),
    Index("invoices_tenant_idx", "tenant_id", "id"),
)

INVOICE_COUNTS = Table(
    "invoice_counts",
    METADATA,
    Column("year", Integer, nullable=False),
    Column("count", BigInteger, nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("year", "tenant_id", name="invoice_counts_pkey"),
)

CREDIT_NOTE_COUNTS = Table(
    "credit_note_counts",
    METADATA,
    Column("year", Integer, nullable=False),
    Column("count", BigInteger, nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("year", "tenant_id", name="credit_note_counts_pkey"),
)

# One row per version of who issues the invoices of a tenant, and of to whom those of a driver are addressed; a version
# never changes but for `until_time`, when the next one took its place.
INVOICE_SELLERS = Table(
    "invoice_sellers",
    METADATA,
    Column("version", Integer, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("until_time", DateTime(timezone=True)),
    tenant_column(),
    PrimaryKeyConstraint("tenant_id", "version", name="invoice_sellers_pkey"),
)

INVOICE_CUSTOMERS = Table(
    "invoice_customers",
    METADATA,
    Column("driver_id", Uuid(as_uuid=False), nullable=False),
    Column("version", Integer, nullable=False),
    Column("tax_treatment", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("until_time", DateTime(timezone=True)),
    tenant_column(),
    PrimaryKeyConstraint("tenant_id", "driver_id", "version", name="invoice_customers_pkey"),
    Index(
        "invoice_customers_treatment_idx",
        "driver_id",
        postgresql_where=text("until_time IS NULL AND tax_treatment <> 'STANDARD'"),
    ),
)

PAYMENT_METHODS = Table(
    "payment_methods",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("driver_id", Uuid(as_uuid=False), nullable=False),
    Column("kind", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("provider_token", Text, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("id", name="payment_methods_pkey"),
    Index("payment_methods_default_key", "driver_id", "tenant_id", unique=True, postgresql_where=text("is_default")),
    Index("payment_methods_driver_idx", "driver_id"),
)

PAYMENTS = Table(
    "payments",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("invoice_id", Uuid(as_uuid=False), nullable=False),
    Column("driver_id", Uuid(as_uuid=False)),
    Column("payment_method_id", Uuid(as_uuid=False)),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency_code", Text, nullable=False),
    Column("external_reference", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("credit_note_id", Uuid(as_uuid=False)),
    tenant_column(),
    PrimaryKeyConstraint("id", name="payments_pkey"),
    ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name="payments_invoice_id_fkey"),
    ForeignKeyConstraint(["payment_method_id"], ["payment_methods.id"], name="payments_payment_method_id_fkey"),
    Index(
        "payments_external_reference_key",
        "external_reference",
        "tenant_id",
        unique=True,
        postgresql_where=text("external_reference <> ''"),
    ),
    Index("payments_invoice_idx", "invoice_id"),
    Index("payments_driver_idx", "driver_id"),
    Index("payments_tenant_idx", "tenant_id", "id"),
)

RECONCILIATIONS = reconciliations.define(METADATA)
