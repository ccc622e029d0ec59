"""Tariffs, sessions, bills and payments belong to tenants. What is there is the default tenant's."""

from alembic import op

from services.postgres import tenancy

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COUNTS = ("invoice_counts", "credit_note_counts")


def upgrade() -> None:
    tables = ("pricing_tiers", "charging_sessions", "session_decisions", "invoices", "payment_methods", "payments")
    tenancy.belong_to_tenants(op, *tables, *_COUNTS)
    tenancy.follow(op, "unbilled_sessions", "session_id", "charging_sessions")
    # Each tenant has a default tariff, numbers of documents without gaps, references of its bank and default ways to
    # pay by itself.
    op.execute("DROP INDEX pricing_tiers_default_key")
    op.execute(
        "CREATE UNIQUE INDEX pricing_tiers_default_key ON pricing_tiers (tenant_id)"
        " WHERE until_time IS NULL AND is_default"
    )
    for table in _COUNTS:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (year, tenant_id)")
        # A key of one integer was taken for one that counts by itself.
        op.execute(f"ALTER TABLE {table} ALTER COLUMN year DROP DEFAULT")
        op.execute(f"DROP SEQUENCE IF EXISTS {table}_year_seq")
    op.execute("ALTER TABLE invoices DROP CONSTRAINT invoices_number_key")
    op.execute("ALTER TABLE invoices ADD CONSTRAINT invoices_number_key UNIQUE (tenant_id, number)")
    op.execute("DROP INDEX payments_external_reference_key")
    op.execute(
        "CREATE UNIQUE INDEX payments_external_reference_key ON payments (external_reference, tenant_id)"
        " WHERE external_reference <> ''"
    )
    op.execute("DROP INDEX payment_methods_default_key")
    op.execute(
        "CREATE UNIQUE INDEX payment_methods_default_key ON payment_methods (driver_id, tenant_id) WHERE is_default"
    )
    # In the place of one by time alone: a list of sessions is always that of a tenant.
    op.execute("CREATE INDEX charging_sessions_tenant_idx ON charging_sessions (tenant_id, start_time, id)")
    op.execute("DROP INDEX charging_sessions_start_time_idx")
