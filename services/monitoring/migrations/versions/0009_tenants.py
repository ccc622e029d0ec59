"""What is monitored belongs to tenants. What is there is the default tenant's until its owner tells of it again."""

from alembic import op

from services.postgres import tenancy

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    tenancy.belong_to_tenants(op, "stations", "charge_points", "transactions", "alerts", "usage_analytics")
    tenancy.follow(op, "connectors", "charge_point_id", "charge_points")
    tenancy.follow(op, "station_metrics", "station_id", "stations")
    op.execute("DROP INDEX stations_name_idx")
    op.execute("CREATE INDEX stations_name_idx ON stations (tenant_id, name, id) WHERE NOT deleted")
    # A charge point that one tenant has given up may become another's.
    op.execute("DROP INDEX alerts_standing_key")
    op.execute("CREATE UNIQUE INDEX alerts_standing_key ON alerts (kind, subject, tenant_id) WHERE clear_time IS NULL")
