"""Transactions, facts, frames and commands belong to tenants. What is there is the default tenant's."""

from alembic import op

from services.postgres import tenancy

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_OWNED = ("transactions", "running_transactions", "transaction_events", "commands", "command_campaigns")


def upgrade() -> None:
    tenancy.belong_to_tenants(op, *_OWNED)
    # COPY puts frames in, which PostgreSQL refuses to whom policies bind.
    tenancy.belong_to_tenants(op, "ocpp_messages", forced=False)
    # Readings are most of all that is written, and are nobody's without their transaction.
    tenancy.follow(op, "meter_values", "transaction_id", "transactions")
    tenancy.follow(op, "end_decisions", "transaction_id", "transactions")
    tenancy.follow(op, "campaign_targets", "campaign_id", "command_campaigns")
    # What a connector can give is asked for of transactions there.
    tenancy.follow(op, "connector_powers", "charge_point_id", "transactions", "charge_point_id")
