"""What charge points of a kind should be set to, and the restarts that follow."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from services.postgres import tenancy

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "configuration_templates",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("vendor", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("firmware_version", sa.Text, nullable=False),
        sa.Column("settings", JSONB, nullable=False),
        sa.Column("reboot", sa.Text, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="configuration_templates_pkey"),
    )
    op.create_table(
        "configuration_pushes",
        sa.Column("campaign_id", sa.Text, nullable=False),
        sa.Column("reboot", sa.Text, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", name="configuration_pushes_pkey"),
    )
    op.create_table(
        "configuration_reboots",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("reboot", sa.Text, nullable=False),
        sa.Column("command_id", sa.Text, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("charge_point_id", name="configuration_reboots_pkey"),
    )
    tenancy.belong_to_tenants(op, "configuration_templates", "configuration_pushes", "configuration_reboots")
