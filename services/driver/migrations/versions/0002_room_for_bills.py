"""Room on the pages of usage for the end and the bill of each session."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE usage_sessions SET (fillfactor = 75)")
