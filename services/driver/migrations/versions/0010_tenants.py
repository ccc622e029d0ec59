"""Drivers, cards and accounts belong to tenants. What is there is the default tenant's."""

from alembic import op

from services.postgres import tenancy

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    tenancy.belong_to_tenants(op, "drivers", "rfid_cards", "accounts")
    tenancy.follow(op, "usage_sessions", "driver_id", "drivers")
    # Each tenant gives out cards, and knows people, by itself.
    op.execute("ALTER TABLE rfid_cards DROP CONSTRAINT rfid_cards_token_key")
    op.execute("ALTER TABLE rfid_cards ADD CONSTRAINT rfid_cards_token_key UNIQUE (id_tag, token_type, tenant_id)")
    op.execute("DROP INDEX drivers_email_key")
    op.execute("CREATE UNIQUE INDEX drivers_email_key ON drivers (lower(email), tenant_id) WHERE email <> ''")
