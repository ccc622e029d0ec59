"""What the values of variables were before, by day."""

import sqlalchemy as sa
from alembic import op

from services.postgres import tenancy

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "device_variable_changes",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("variable_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("received_time", _TIME, nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("value", sa.Text),
        sa.Column("previous_value", sa.Text),
        sa.Column("action", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint(
            "charge_point_id", "variable_id", "time", "received_time", "event_id", name="device_variable_changes_pkey"
        ),
        postgresql_partition_by="RANGE (time)",
    )
    op.execute("CREATE TABLE device_variable_changes_default PARTITION OF device_variable_changes DEFAULT")
    tenancy.follow(op, "device_variable_changes", "charge_point_id", "charge_points")
