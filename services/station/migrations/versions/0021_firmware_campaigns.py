"""Images of firmware to many charge points, in waves."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from services.postgres import tenancy

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "firmware_campaigns",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("file_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("selection", JSONB, nullable=False),
        sa.Column("canaries", sa.Integer, nullable=False),
        sa.Column("wave_size", sa.Integer, nullable=False),
        sa.Column("max_failed_share", sa.Double, nullable=False),
        sa.Column("max_in_flight", sa.Integer, nullable=False),
        sa.Column("updates_per_minute", sa.Integer, nullable=False),
        sa.Column("update_timeout", sa.Interval, nullable=False),
        sa.Column("watch_period", sa.Interval, nullable=False),
        sa.Column("wait_timeout", sa.Interval, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("wave", sa.Integer, nullable=False),
        sa.Column("waves", sa.Integer, nullable=False),
        sa.Column("wave_time", _TIME, nullable=False),
        sa.Column("passed_over", sa.Integer, nullable=False),
        sa.Column("pace_time", _TIME, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("end_time", _TIME),
        sa.PrimaryKeyConstraint("id", name="firmware_campaigns_pkey"),
    )
    op.create_index(
        "firmware_campaigns_open_idx", "firmware_campaigns", ["id"], postgresql_where=sa.text("end_time IS NULL")
    )
    op.create_table(
        "firmware_campaign_targets",
        sa.Column("campaign_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("wave", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("command_id", sa.Text, nullable=False),
        sa.Column("ask_time", _TIME),
        sa.Column("watch_from", _TIME),
        sa.Column("update_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "wave", "charge_point_id", name="firmware_campaign_targets_pkey"),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["firmware_campaigns.id"],
            name="firmware_campaign_targets_campaign_id_fkey",
            ondelete="CASCADE",
        ),
    )
    tenancy.belong_to_tenants(op, "firmware_campaigns", "firmware_campaign_targets")
