"""Campaigns: one command to many charge points."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_OF_CAMPAIGN = sa.text("campaign_id IS NOT NULL")


def upgrade() -> None:
    campaign_id: sa.Column[Any] = sa.Column("campaign_id", sa.Uuid(as_uuid=False))
    waits_offline: sa.Column[Any] = sa.Column("waits_offline", sa.Boolean, nullable=False, server_default=sa.true())
    op.add_column("commands", campaign_id)
    op.add_column("commands", waits_offline)
    op.create_index(
        "commands_campaign_key",
        "commands",
        ["campaign_id", "charge_point_id"],
        unique=True,
        postgresql_where=_OF_CAMPAIGN,
    )
    op.create_index("commands_campaign_idx", "commands", ["campaign_id", "id"], postgresql_where=_OF_CAMPAIGN)
    op.create_index(
        "commands_campaign_open_idx",
        "commands",
        ["delivery_time", "campaign_id"],
        postgresql_where=sa.text("campaign_id IS NOT NULL AND state IN ('QUEUED', 'SENT')"),
    )
    _create_campaigns()
    op.create_table(
        "campaign_targets",
        sa.Column("campaign_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "charge_point_id", name="campaign_targets_pkey"),
    )


def _create_campaigns() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "command_campaigns",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.Column("selection", JSONB, nullable=False),
        sa.Column("commands_per_second", sa.Double, nullable=False),
        sa.Column("max_in_flight", sa.Integer, nullable=False),
        sa.Column("queue_while_offline", sa.Boolean, nullable=False),
        sa.Column("life", sa.Interval, nullable=False),
        sa.Column("priority", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("create_time", time, nullable=False),
        sa.Column("update_time", time, nullable=False),
        sa.Column("select_time", time),
        sa.Column("end_time", time),
        sa.Column("pace_time", time, nullable=False),
        sa.Column("page_token", sa.Text, nullable=False),
        sa.Column("selected", sa.Integer, nullable=False),
        sa.Column("made", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="command_campaigns_pkey"),
    )
    op.create_index(
        "command_campaigns_open_idx",
        "command_campaigns",
        ["update_time"],
        postgresql_where=sa.text("end_time IS NULL"),
    )
