"""Charging sessions by the time of change: who keeps what they cost compares by it.

By BRIN, so that sessions still end and are billed in place.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("charging_sessions_update_brin", "charging_sessions", ["update_time"], postgresql_using="brin")
