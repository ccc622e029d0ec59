"""Sessions know the groups of their tokens, for the policy about two cards of one group at a time."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("transactions", "transaction_events", "running_sessions"):
        op.add_column(table, sa.Column("group_id", sa.Text, nullable=False, server_default=""))
    op.create_index(
        "running_sessions_group_idx", "running_sessions", ["group_id"], postgresql_where=sa.text("group_id <> ''")
    )
