"""Security events of all charge points are found by their tenant and time."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX device_events_security_idx ON device_events (tenant_id, time, id) WHERE kind = 'security_event'"
    )
