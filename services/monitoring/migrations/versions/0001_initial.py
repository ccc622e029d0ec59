"""Stations, charge points, connectors, transactions, metrics, incidents, alerts and usage."""

import sqlalchemy as sa
from alembic import op

from services.postgres import shared_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ID = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    shared_tables.create(op)
    _create_stations()
    _create_charge_points()
    _create_connectors()
    _create_transactions()
    _create_station_metrics()
    _create_incidents()
    _create_alerts()
    _create_usage_analytics()


def _create_stations() -> None:
    op.create_table(
        "stations",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("told_time", _TIME, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("health", sa.Text, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="stations_pkey"),
    )
    op.create_index("stations_name_idx", "stations", ["name", "id"], postgresql_where=sa.text("NOT deleted"))


def _create_charge_points() -> None:
    op.create_table(
        "charge_points",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("station_id", _ID),
        sa.Column("placed_time", _TIME),
        sa.Column("created_time", _TIME),
        sa.Column("online", sa.Boolean, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("changed_time", _TIME),
        sa.Column("removed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="charge_points_pkey"),
    )
    op.create_index("charge_points_station_idx", "charge_points", ["station_id"])
    op.create_index(
        "charge_points_away_idx",
        "charge_points",
        ["changed_time"],
        postgresql_where=sa.text("NOT online AND NOT removed"),
    )


def _create_connectors() -> None:
    op.create_table(
        "connectors",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("evse_id", sa.Integer, nullable=False),
        sa.Column("connector_id", sa.Integer, nullable=False),
        sa.Column("status", sa.Text),
        sa.Column("error_code", sa.Text, nullable=False),
        sa.Column("info", sa.Text, nullable=False),
        sa.Column("status_time", _TIME),
        sa.Column("told_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("charge_point_id", "evse_id", "connector_id", name="connectors_pkey"),
    )


def _create_transactions() -> None:
    op.create_table(
        "transactions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("transaction_id", sa.Text, nullable=False),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("evse_id", sa.Integer, nullable=False),
        sa.Column("connector_id", sa.Integer, nullable=False),
        sa.Column("station_id", _ID),
        sa.Column("driver_id", _ID),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("authorization", sa.Text),
        sa.Column("start_time", _TIME),
        sa.Column("stop_time", _TIME),
        sa.Column("meter_start_wh", sa.BigInteger),
        sa.Column("energy_wh", sa.BigInteger, nullable=False),
        sa.Column("power_w", sa.BigInteger),
        sa.Column("power_time", _TIME),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("metered_wh", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="transactions_pkey"),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("transactions_name_idx", "transactions", ["charge_point_id", "transaction_id"])
    op.create_index(
        "transactions_running_idx", "transactions", ["station_id"], postgresql_where=sa.text("state = 'ACTIVE'")
    )
    op.create_index("transactions_update_time_idx", "transactions", ["update_time"])


def _create_station_metrics() -> None:
    op.create_table(
        "station_metrics",
        sa.Column("station_id", _ID, nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("energy_wh", sa.BigInteger, nullable=False),
        sa.Column("max_power_w", sa.BigInteger, nullable=False),
        sa.Column("started_transaction_count", sa.Integer, nullable=False),
        sa.Column("ended_transaction_count", sa.Integer, nullable=False),
        sa.Column("fault_count", sa.Integer, nullable=False),
        sa.Column("disconnect_count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("station_id", "time", name="station_metrics_pkey"),
        postgresql_partition_by="RANGE (time)",
    )
    op.execute("CREATE TABLE station_metrics_default PARTITION OF station_metrics DEFAULT")


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("time", _TIME, nullable=False),
        postgresql_partition_by="RANGE (time)",
    )
    op.create_index("incidents_subject_idx", "incidents", ["subject", "kind", "time"])
    op.execute("CREATE TABLE incidents_default PARTITION OF incidents DEFAULT")


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("station_id", _ID),
        sa.Column("connector_id", sa.Integer, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("acknowledge_time", _TIME),
        sa.Column("acknowledged_by", sa.Text, nullable=False),
        sa.Column("clear_time", _TIME),
        sa.Column("occurrence_count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="alerts_pkey"),
    )
    standing = sa.text("clear_time IS NULL")
    op.create_index("alerts_standing_key", "alerts", ["kind", "subject"], unique=True, postgresql_where=standing)
    op.create_index("alerts_station_idx", "alerts", ["station_id"], postgresql_where=standing)
    op.create_index("alerts_charge_point_idx", "alerts", ["charge_point_id"])


def _create_usage_analytics() -> None:
    op.create_table(
        "usage_analytics",
        sa.Column("session_id", _ID, nullable=False),
        sa.Column("start_time", _TIME),
        sa.Column("end_time", _TIME),
        sa.Column("station_id", _ID),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("driver_id", _ID),
        sa.Column("energy_wh", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("billed_driver_id", _ID),
        sa.Column("bill_time", _TIME),
        sa.Column("amount_minor", sa.BigInteger),
        sa.Column("currency_code", sa.Text),
        sa.PrimaryKeyConstraint("session_id", name="usage_analytics_pkey"),
    )
    op.create_index("usage_analytics_end_idx", "usage_analytics", ["end_time"])
    op.create_index("usage_analytics_station_idx", "usage_analytics", ["station_id", "end_time"])
    op.create_index("usage_analytics_bill_idx", "usage_analytics", ["bill_time"])
