"""What charge points watch of their variables, and the reports that tell of it."""

import sqlalchemy as sa
from alembic import op

from services.postgres import tenancy

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "device_monitors",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("monitor_id", sa.BigInteger, nullable=False),
        sa.Column("component", sa.Text, nullable=False),
        sa.Column("component_instance", sa.Text, nullable=False),
        sa.Column("evse_id", sa.Integer, nullable=False),
        sa.Column("connector_id", sa.Integer, nullable=False),
        sa.Column("variable", sa.Text, nullable=False),
        sa.Column("variable_instance", sa.Text, nullable=False),
        sa.Column("type", sa.Text),
        sa.Column("value", sa.Double),
        sa.Column("severity", sa.Integer),
        sa.Column("is_during_transaction", sa.Boolean, nullable=False),
        sa.Column("kind", sa.Text),
        sa.Column("first_seen_time", _TIME, nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("received_time", _TIME, nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("absent_time", _TIME),
        sa.PrimaryKeyConstraint("charge_point_id", "monitor_id", name="device_monitors_pkey"),
    )
    op.create_table(
        "monitoring_reports",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.BigInteger, nullable=False),
        sa.Column("ask_time", _TIME, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("command_id", sa.Text, nullable=False),
        sa.Column("time", _TIME),
        sa.PrimaryKeyConstraint("charge_point_id", "request_id", "ask_time", name="monitoring_reports_pkey"),
    )
    op.create_table(
        "monitoring_report_parts",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.BigInteger, nullable=False),
        sa.Column("received_time", _TIME, nullable=False),
        sa.Column("seq_no", sa.BigInteger, nullable=False),
        sa.Column("is_last", sa.Boolean, nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint(
            "charge_point_id", "request_id", "received_time", "seq_no", name="monitoring_report_parts_pkey"
        ),
    )
    for table in ("device_monitors", "monitoring_reports", "monitoring_report_parts"):
        tenancy.follow(op, table, "charge_point_id", "charge_points")
