"""The end of a session is in no index, so that it is noted in place: the sessions of one driver are few."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("usage_sessions_driver_end_idx", "usage_sessions")
    op.execute("ALTER TABLE usage_sessions SET (fillfactor = 70)")
