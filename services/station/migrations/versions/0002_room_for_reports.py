"""Boots and statuses become updates in place: no index holds what they change, and the pages get room for it."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE charge_points SET (fillfactor = 80)")
    op.execute("ALTER TABLE connectors SET (fillfactor = 80)")
