"""What is missing of transactions by the numbers of their events."""

import sqlalchemy as sa
from alembic import op

from services.postgres import tenancy

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "sequence_gaps",
        sa.Column("transaction_id", sa.Uuid, nullable=False),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("begin_time", _Time, nullable=False),
        sa.Column("missing", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("found_time", _Time, nullable=False),
        sa.Column("look_time", _Time),
        sa.Column("looks", sa.Integer, nullable=False),
        sa.Column("asked_time", _Time),
        sa.Column("messages_in_queue", sa.Boolean),
        sa.Column("healed_time", _Time),
        sa.PrimaryKeyConstraint("transaction_id", name="sequence_gaps_pkey"),
    )
    op.execute("CREATE INDEX sequence_gaps_look_idx ON sequence_gaps (look_time) WHERE look_time IS NOT NULL")
    op.execute("CREATE INDEX sequence_gaps_open_idx ON sequence_gaps (transaction_id) WHERE healed_time IS NULL")
    tenancy.belong_to_tenants(op, "sequence_gaps")
