"""Tariffs that release 0.2.0 cannot read have a table of their own: what it read in part it would bill in part."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.postgres import tenancy

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    uuid = sa.Uuid(as_uuid=False)
    op.create_table(
        "tariffs",
        sa.Column("id", uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("currency_code", sa.Text, nullable=False),
        sa.Column("components", JSONB, nullable=False),
        sa.Column("tax_basis_points", sa.Integer, nullable=False),
        sa.Column("tier_discounts", JSONB, nullable=False),
        sa.Column("station_ids", ARRAY(uuid), nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("retired", sa.Boolean, nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_time", sa.DateTime(timezone=True)),
        sa.Column("driver_ids", ARRAY(uuid), nullable=False),
        sa.Column("connectors", ARRAY(sa.Text), nullable=False),
        sa.Column("rules", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", "version", name="tariffs_pkey"),
    )
    tenancy.belong_to_tenants(op, "tariffs")
    op.execute("CREATE UNIQUE INDEX tariffs_newest_key ON tariffs (id) WHERE until_time IS NULL")
    op.execute("CREATE UNIQUE INDEX tariffs_default_key ON tariffs (tenant_id) WHERE until_time IS NULL AND is_default")
