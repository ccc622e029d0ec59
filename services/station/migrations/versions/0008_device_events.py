"""What charge points notify of themselves, by day."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "device_events",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("protocol", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("device_time", _TIME),
        sa.Column("received_time", _TIME, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("info", sa.Text, nullable=False),
        sa.Column("request_id", sa.BigInteger),
        sa.Column("evse_id", sa.Integer, nullable=False),
        sa.Column("connector_id", sa.Integer, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("flags", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("payload_json", sa.Text, nullable=False),
        sa.Column("dropped_json", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("charge_point_id", "time", "id", name="device_events_pkey"),
        postgresql_partition_by="RANGE (time)",
    )
    op.execute("CREATE TABLE device_events_default PARTITION OF device_events DEFAULT")
