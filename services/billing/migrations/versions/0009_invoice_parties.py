"""Who issues the invoices of a tenant, and to whom those of a driver are addressed. Older code knows neither."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from services.postgres import tenancy

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "invoice_sellers",
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("details", JSONB, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("until_time", _TIME),
        tenancy.tenant_column(),
        sa.PrimaryKeyConstraint("tenant_id", "version", name="invoice_sellers_pkey"),
    )
    op.create_table(
        "invoice_customers",
        sa.Column("driver_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("tax_treatment", sa.Text, nullable=False),
        sa.Column("details", JSONB, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("until_time", _TIME),
        tenancy.tenant_column(),
        sa.PrimaryKeyConstraint("tenant_id", "driver_id", "version", name="invoice_customers_pkey"),
    )
    # Asked with every batch of bills: as small as those are few who are taxed in their own way.
    op.create_index(
        "invoice_customers_treatment_idx",
        "invoice_customers",
        ["driver_id"],
        postgresql_where=sa.text("until_time IS NULL AND tax_treatment <> 'STANDARD'"),
    )
    tenancy.belong_to_tenants(op, "invoice_sellers", "invoice_customers")
