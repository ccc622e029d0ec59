"""Sessions end by evidence, and by what operators decide."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("transactions", sa.Column("losses", sa.ARRAY(sa.Text), nullable=False, server_default="{}"))
    op.add_column("transactions", sa.Column("heard_time", sa.DateTime(timezone=True)))
    op.create_table(
        "end_decisions",
        sa.Column("transaction_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stop_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("meter_stop_wh", sa.BigInteger),
        sa.PrimaryKeyConstraint("transaction_id", name="end_decisions_pkey"),
    )
