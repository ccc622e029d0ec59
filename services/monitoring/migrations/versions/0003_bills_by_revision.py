"""Bills are told with the revision of the session that was billed, so that one that is taken back stays so; and how
far bills were compared with those of billing."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("bill_revision", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("usage_analytics", column)
    op.create_table(
        "reconciliations",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("until_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="reconciliations_pkey"),
    )
