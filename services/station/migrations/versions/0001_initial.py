"""Stations, charge points, connectors, connections and edge nodes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

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
    _create_connections()
    _create_edge_nodes()


def _create_stations() -> None:
    op.create_table(
        "stations",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("city", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("latitude", sa.Double),
        sa.Column("longitude", sa.Double),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("configuration", JSONB, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="stations_pkey"),
    )
    op.create_index("stations_place_idx", "stations", ["latitude", "longitude"])


def _create_charge_points() -> None:
    op.create_table(
        "charge_points",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("station_id", _ID),
        sa.Column("vendor", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("reported_vendor", sa.Text, nullable=False),
        sa.Column("reported_model", sa.Text, nullable=False),
        sa.Column("serial_number", sa.Text, nullable=False),
        sa.Column("firmware_version", sa.Text, nullable=False),
        sa.Column("security_profile", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("heartbeat_interval_seconds", sa.Integer, nullable=False),
        sa.Column("password_hash", sa.LargeBinary),
        sa.Column("next_password_hash", sa.LargeBinary),
        sa.Column("boot_time", _TIME),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="charge_points_pkey"),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name="charge_points_station_id_fkey", ondelete="SET NULL"
        ),
    )
    op.create_index("charge_points_station_id_idx", "charge_points", ["station_id"])


def _create_connectors() -> None:
    op.create_table(
        "connectors",
        sa.Column("id", _ID, nullable=False),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("evse_id", sa.Integer, nullable=False),
        sa.Column("connector_id", sa.Integer, nullable=False),
        sa.Column("type", sa.Text),
        sa.Column("max_power_w", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text),
        sa.Column("error_code", sa.Text, nullable=False),
        sa.Column("availability", sa.Text, nullable=False),
        sa.Column("status_time", _TIME),
        sa.PrimaryKeyConstraint("id", name="connectors_pkey"),
        sa.UniqueConstraint("charge_point_id", "evse_id", "connector_id", name="connectors_place_key"),
        sa.ForeignKeyConstraint(
            ["charge_point_id"], ["charge_points.id"], name="connectors_charge_point_id_fkey", ondelete="CASCADE"
        ),
    )


def _create_connections() -> None:
    op.create_table(
        "connections",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("protocol", sa.Text, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("remote_address", sa.Text, nullable=False),
        sa.Column("connected_time", _TIME, nullable=False),
        sa.Column("last_seen_time", _TIME, nullable=False),
        sa.Column("close_time", _TIME),
        sa.PrimaryKeyConstraint("charge_point_id", name="connections_pkey"),
        sa.ForeignKeyConstraint(
            ["charge_point_id"], ["charge_points.id"], name="connections_charge_point_id_fkey", ondelete="CASCADE"
        ),
        postgresql_with={"fillfactor": 70},
    )


def _create_edge_nodes() -> None:
    op.create_table(
        "edge_nodes",
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("node_address", sa.Text, nullable=False),
        sa.Column("lease_end_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("node", name="edge_nodes_pkey"),
    )
