"""Stations, charge points and what is known of them belong to tenants. What is there is the default tenant's."""

from alembic import op

from services.postgres import tenancy

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# What cannot be without its charge point is whose that is.
_OF_CHARGE_POINTS = (
    "connectors",
    "connections",
    "device_variables",
    "device_reports",
    "device_report_parts",
    "device_inventories",
)


def upgrade() -> None:
    tenancy.belong_to_tenants(op, "stations", "charge_points", "device_events", "refusals")
    for table in _OF_CHARGE_POINTS:
        tenancy.follow(op, table, "charge_point_id", "charge_points")
    # Where a charge point is: addresses of our own processes.
    tenancy.allow_reading(op, "edge_nodes")
