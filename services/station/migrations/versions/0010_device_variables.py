"""The variables of charge points, and the reports that tell of them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "device_variables",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("component", sa.Text, nullable=False),
        sa.Column("component_instance", sa.Text, nullable=False),
        sa.Column("evse_id", sa.Integer, nullable=False),
        sa.Column("connector_id", sa.Integer, nullable=False),
        sa.Column("variable", sa.Text, nullable=False),
        sa.Column("variable_instance", sa.Text, nullable=False),
        sa.Column("attribute_type", sa.Text, nullable=False),
        sa.Column("first_seen_time", _TIME, nullable=False),
        sa.Column("reported_time", _TIME, nullable=False),
        sa.Column("absent_time", _TIME),
        sa.Column("value", sa.Text),
        sa.Column("value_time", _TIME),
        sa.Column("value_received_time", _TIME),
        sa.Column("value_event_id", sa.Uuid(as_uuid=False)),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("changed_time", _TIME),
        sa.Column("previous_value", sa.Text),
        sa.Column("previous_time", _TIME),
        sa.Column("previous_received_time", _TIME),
        sa.Column("previous_event_id", sa.Uuid(as_uuid=False)),
        sa.Column("mutability", sa.Text),
        sa.Column("persistent", sa.Boolean),
        sa.Column("constant", sa.Boolean),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("data_type", sa.Text, nullable=False),
        sa.Column("min_limit", sa.Double),
        sa.Column("max_limit", sa.Double),
        sa.Column("values_list", sa.Text, nullable=False),
        sa.Column("supports_monitoring", sa.Boolean),
        sa.Column("description_time", _TIME),
        sa.Column("description_received_time", _TIME),
        sa.Column("description_event_id", sa.Uuid(as_uuid=False)),
        sa.PrimaryKeyConstraint("charge_point_id", "id", name="device_variables_pkey"),
        postgresql_with={"fillfactor": 60},
    )
    op.create_table(
        "device_reports",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.BigInteger, nullable=False),
        sa.Column("ask_time", _TIME, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("command_id", sa.Text, nullable=False),
        sa.Column("time", _TIME),
        sa.PrimaryKeyConstraint("charge_point_id", "request_id", "ask_time", name="device_reports_pkey"),
    )
    op.create_table(
        "device_report_parts",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.BigInteger, nullable=False),
        sa.Column("received_time", _TIME, nullable=False),
        sa.Column("seq_no", sa.BigInteger, nullable=False),
        sa.Column("is_last", sa.Boolean, nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint(
            "charge_point_id", "request_id", "received_time", "seq_no", name="device_report_parts_pkey"
        ),
    )
