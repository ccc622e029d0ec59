"""The charging sessions of a charge point are found."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("charging_sessions_charge_point_idx", "charging_sessions", ["charge_point_id", "start_time"])
