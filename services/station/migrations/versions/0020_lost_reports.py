"""Reports that were asked for again, because some of them was lost."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("device_reports", "monitoring_reports"):
        op.add_column(table, sa.Column("again_time", sa.DateTime(timezone=True)))
        op.add_column(table, sa.Column("again_command_id", sa.Text))
        op.create_index(
            f"{table}_lost_idx",
            table,
            ["ask_time"],
            postgresql_where=sa.text("time IS NULL AND again_time IS NULL"),
        )
